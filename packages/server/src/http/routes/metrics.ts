import { z } from "@hono/zod-openapi";
import type { Exchanges } from "../../exchanges.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import { responsesOf } from "../documents.ts";
import { type AnyRoute, defineRoute } from "../route.ts";

const noQuery = z.strictObject({});

/** `/metrics`: what is counted, as Prometheus reads it. */
export function metricsRoute(metrics: Metrics, exchanges: Exchanges): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/metrics",
    call: "read",
    query: noQuery,
    doc: {
      operationId: "metrics",
      tags: ["health"],
      summary: "What is counted, as Prometheus reads it",
      request: { query: noQuery },
      responses: responsesOf({ 200: { description: "The text.", content: { "text/plain": { schema: z.string() } } } }),
    },
    async handle({ service, signal }) {
      const body = metrics.text(await service.status(signal), exchanges);
      const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" };
      return { status: 200, headers, body };
    },
  });
}
