import { z } from "@hono/zod-openapi";
import type { Exchanges } from "../../exchanges.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply, type Reply } from "../reply.ts";
import { type AnyRoute, defineOpenRoute, defineRoute } from "../route.ts";
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
export function statusRoutes(exchanges: Exchanges): AnyRoute[] {
  return [statusRoute(), healthRoute(), readyRoute(exchanges)];
}

function statusRoute(): AnyRoute {
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
    async handle({ service, signal }) {
      const { stats, ...status } = await service.status(signal);
      const { seq, incarnation } = stats;
      return jsonReply({ ...status, seq, incarnation, stats }, { "cache-control": "no-store" });
    },
  });
}

function healthRoute(): AnyRoute {
  return defineOpenRoute({
    method: "get",
    path: "/healthz",
    call: "read",
    doc: {
      operationId: "healthz",
      tags: ["health"],
      summary: "Whether the process is alive",
      responses: { 200: jsonResponse("It is.", healthSchema) },
    },
    handle: () => Promise.resolve(healthReply("ok", 200)),
  });
}

function readyRoute(exchanges: Exchanges): AnyRoute {
  return defineOpenRoute({
    method: "get",
    path: "/readyz",
    call: "read",
    doc: {
      operationId: "readyz",
      tags: ["health"],
      summary: "Whether the server takes work",
      responses: {
        200: jsonResponse("It does.", healthSchema),
        503: jsonResponse("It is starting, or closing.", healthSchema),
      },
    },
    handle() {
      const { phase } = exchanges;
      return Promise.resolve(phase === "open" ? healthReply("ready", 200) : healthReply(phase, 503));
    },
  });
}

function healthReply(status: string, httpStatus: number): Reply {
  return { ...jsonReply({ status }, { "cache-control": "no-store" }), status: httpStatus };
}
