import { z } from "@hono/zod-openapi";
import type { Service } from "../../service/service.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { emptyBodySchema } from "../schemas.ts";

const noQuery = z.strictObject({});

/** `/v1/admin/…`: upkeep. */
export function adminRoutes(): AnyRoute[] {
  return [
    upkeepRoute("flush", "Write what is in memory to tables", (service, signal) => service.flush(signal)),
    upkeepRoute("compact", "Merge all tables into the fewest", (service, signal) => service.compact(signal)),
  ];
}

function upkeepRoute(
  name: string,
  summary: string,
  run: (service: Service, signal: AbortSignal) => Promise<void>,
): AnyRoute {
  return defineRoute({
    method: "post",
    path: `/v1/admin/${name}`,
    call: "write",
    query: noQuery,
    body: { json: emptyBodySchema, optional: true },
    doc: {
      operationId: name,
      tags: ["admin"],
      summary,
      description: "Answers when that is done. The body may be left out.",
      request: { query: noQuery, body: { content: { "application/json": { schema: emptyBodySchema } } } },
      responses: responsesOf({ 200: jsonResponse("Done.", emptyBodySchema) }, 415),
    },
    async handle({ service, signal }) {
      await run(service, signal);
      return jsonReply({});
    },
  });
}
