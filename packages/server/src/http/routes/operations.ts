import { z } from "@hono/zod-openapi";
import type { TrackedOperation } from "@kvts/common";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply, type Reply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { operationSchema } from "../schemas.ts";

const noQuery = z.strictObject({});
const params = z.object({ id: z.string().openapi({ description: "The operation's id." }) });

/** `GET /v1/operations/{id}`: what takes long, and how far it is. */
export function operationRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/operations/{id}",
    call: "read",
    query: noQuery,
    doc: {
      operationId: "getOperation",
      tags: ["admin"],
      summary: "How far an operation is, or what became of it",
      description: "Operations that have ended are told of for an hour, and none outlives the server.",
      request: { params, query: noQuery },
      responses: responsesOf({ 200: jsonResponse("The operation.", operationSchema) }, 410),
    },
    async handle({ service, segments }) {
      return operationReply(service.getOperation(segments[2]!));
    },
  });
}

/** An operation that has begun, and where to look for it. */
export function startedReply(operation: TrackedOperation): Reply {
  const reply = operationReply(operation);
  return { ...reply, status: 202, headers: { ...reply.headers, location: `/v1/operations/${operation.id}` } };
}

function operationReply(operation: TrackedOperation): Reply {
  return jsonReply(operation, { "cache-control": "no-store" });
}
