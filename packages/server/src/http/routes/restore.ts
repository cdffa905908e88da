import { z } from "@hono/zod-openapi";
import { restoreResultToJson } from "@kvts/common";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { rangeFields, restoreResultSchema, timeField } from "../schemas.ts";
import { namedRangeIn, type Times, timeIn } from "../value-fields.ts";

const noQuery = z.strictObject({});

const body = z
  .strictObject({
    ...rangeFields,
    to: timeField("The moment to go back to."),
    dryRun: z.boolean().openapi({ description: "Writes nothing, and answers what would be done." }).optional(),
  })
  .openapi("Restore", { description: '`{"prefix": ""}` is every key.' });

/** `POST /v1/ranges:restore`: makes a range look as it did. */
export function restoreRoute(times: Times): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/ranges:restore",
    call: "write",
    query: noQuery,
    body: { json: body },
    doc: {
      operationId: "restore",
      tags: ["ranges"],
      summary: "Make a range look as it did at a moment",
      description:
        "With new writes at one timestamp above every version of the keys that have changed. It changes no history: another restore, to just before that timestamp, undoes it. One whose caller leaves is abandoned, and has then done nothing, unless it had taken its place among the writes.",
      request: { query: noQuery, body: { required: true, content: { "application/json": { schema: body } } } },
      responses: responsesOf({ 200: jsonResponse("Done, or foretold.", restoreResultSchema) }, 413, 415, 422),
    },
    async handle({ service, body: { to, dryRun = false, ...fields }, signal }) {
      const result = await service.restore(namedRangeIn(fields), timeIn(to, times)!, { dryRun, signal });
      return jsonReply(restoreResultToJson(result));
    },
  });
}
