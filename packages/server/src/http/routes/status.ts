import { z } from "@hono/zod-openapi";
import type { Service } from "../../service/service.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { seqSchema, timestampSchema } from "../schemas.ts";

const noQuery = z.strictObject({});

const statusSchema = z
  .object({
    version: z.string().openapi({ description: "Of the server's software." }),
    ready: z.boolean(),
    startedAt: timestampSchema,
    seq: seqSchema,
    incarnation: z.string().openapi({ description: "Renewed by repair and by restoring a backup." }),
    limits: z.record(z.string(), z.int()).openapi({ description: "What is accepted and answered at most." }),
    stats: z.record(z.string(), z.unknown()).openapi({ description: "Figures about the store, by subject." }),
  })
  .openapi("Status");

const healthSchema = z.object({ status: z.string() }).openapi("Health");

/** How the server is: for operators, and for what restarts it or sends it work. */
export function statusRoutes(service: Service, ready: () => boolean): AnyRoute[] {
  return [statusRoute(service), healthRoute(), readyRoute(ready)];
}

function statusRoute(service: Service): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/status",
    call: "read",
    query: noQuery,
    doc: {
      operationId: "getStatus",
      tags: ["admin"],
      summary: "How the server and its store are",
      request: { query: noQuery },
      responses: responsesOf({ 200: jsonResponse("The status.", statusSchema) }),
    },
    async handle({ signal }) {
      const { stats, ...status } = await service.status(signal);
      const { seq, incarnation } = stats;
      return jsonReply({ ...status, seq, incarnation, stats }, { "cache-control": "no-store" });
    },
  });
}

function healthRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/healthz",
    call: "read",
    query: noQuery,
    always: true,
    doc: {
      operationId: "healthz",
      tags: ["health"],
      summary: "Whether the process is alive",
      responses: { 200: jsonResponse("It is.", healthSchema) },
    },
    handle: () => Promise.resolve(jsonReply({ status: "ok" }, { "cache-control": "no-store" })),
  });
}

function readyRoute(ready: () => boolean): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/readyz",
    call: "read",
    query: noQuery,
    always: true,
    doc: {
      operationId: "readyz",
      tags: ["health"],
      summary: "Whether the server takes work",
      responses: { 200: jsonResponse("It does.", healthSchema), 503: jsonResponse("It is closing.", healthSchema) },
    },
    handle() {
      const reply = jsonReply({ status: ready() ? "ready" : "closing" }, { "cache-control": "no-store" });
      return Promise.resolve(ready() ? reply : { ...reply, status: 503 });
    },
  });
}
