import { z } from "@hono/zod-openapi";
import { invalidArgument, textOf } from "@kvts/common";
import type { Lease } from "../../service/leases.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply, type Reply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { emptyBodySchema, leaseSchema, seqSchema } from "../schemas.ts";
import { percentDecode } from "../target.ts";

const noQuery = z.strictObject({});
const params = z.object({ id: z.string().openapi({ description: "The snapshot's id." }) });

const createBody = z
  .strictObject({ seq: seqSchema.optional().openapi({ description: "The seq to be fixed at; the newest without." }) })
  .openapi("CreateSnapshot");

/** `/v1/snapshots`: views that are fixed at a seq. */
export function snapshotRoutes(): AnyRoute[] {
  return [createRoute(), renewRoute(), releaseRoute()];
}

function createRoute(): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/snapshots",
    call: "read",
    query: noQuery,
    body: { json: createBody, optional: true },
    doc: {
      operationId: "createSnapshot",
      tags: ["snapshots"],
      summary: "Open a snapshot",
      description: "A view fixed at a seq, that reads take as `snapshot`. It is a lease: it ends unless it is renewed.",
      request: { query: noQuery, body: { content: { "application/json": { schema: createBody } } } },
      responses: responsesOf({ 201: jsonResponse("Open.", leaseSchema) }, 410, 415, 429),
    },
    async handle({ service, body: { seq } }) {
      const lease = service.snapshots.create(seq);
      return { ...leaseReply(lease, { location: `/v1/snapshots/${lease.id}` }), status: 201 };
    },
  });
}

function renewRoute(): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/snapshots/{id}",
    call: "read",
    query: noQuery,
    body: { json: emptyBodySchema, optional: true },
    doc: {
      operationId: "renewSnapshot",
      tags: ["snapshots"],
      summary: "Renew the lease of a snapshot",
      request: { params, query: noQuery, body: { content: { "application/json": { schema: emptyBodySchema } } } },
      responses: responsesOf({ 200: jsonResponse("It goes on.", leaseSchema) }, 410, 415),
    },
    handle: async ({ service, segments }) => leaseReply(service.snapshots.renew(idOf(segments))),
  });
}

function releaseRoute(): AnyRoute {
  return defineRoute({
    method: "delete",
    path: "/v1/snapshots/{id}",
    call: "read",
    query: noQuery,
    doc: {
      operationId: "releaseSnapshot",
      tags: ["snapshots"],
      summary: "Give up a snapshot",
      description: "Succeeds where its lease has ended.",
      request: { params, query: noQuery },
      responses: responsesOf({ 200: jsonResponse("It is closed.", emptyBodySchema) }),
    },
    async handle({ service, segments }) {
      service.snapshots.release(idOf(segments));
      return jsonReply({});
    },
  });
}

function leaseReply(lease: Lease, headers: Readonly<Record<string, string>> = {}): Reply {
  return jsonReply(lease, { ...headers, "cache-control": "no-store" });
}

function idOf(segments: readonly string[]): string {
  const id = textOf(percentDecode(segments[2]!, "the snapshot's id", false));
  if (id === undefined) throw invalidArgument("the snapshot's id in the path is not UTF-8");
  return id;
}
