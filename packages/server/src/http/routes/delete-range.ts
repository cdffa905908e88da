import { z } from "@hono/zod-openapi";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { idempotencyKey, requestIdIn } from "../request-id.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { deletedRangeSchema, rangeFields, writeTimestampField } from "../schemas.ts";
import { namedRangeIn, type Times, timeIn } from "../value-fields.ts";

const noQuery = z.strictObject({});

const body = z
  .strictObject({
    ...rangeFields,
    ...writeTimestampField,
    dryRun: z
      .boolean()
      .optional()
      .openapi({ description: "Writes nothing, and answers how many keys would be deleted. It reads all of them." }),
  })
  .openapi("DeleteRange", { description: '`{"prefix": ""}` is every key.' });

/** `POST /v1/ranges:delete`: deletes every key that could be in a range. */
export function deleteRangeRoute(times: Times): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/ranges:delete",
    call: "write",
    query: noQuery,
    body: { json: body },
    doc: {
      operationId: "deleteRange",
      tags: ["ranges"],
      summary: "Delete every key of a range",
      description:
        "In one step, whatever their number. Keys that are written later at an earlier timestamp read as deleted too, those at a later one do not.",
      request: {
        query: noQuery,
        headers: idempotencyKey,
        body: { required: true, content: { "application/json": { schema: body } } },
      },
      responses: responsesOf({ 200: jsonResponse("Committed, or counted.", deletedRangeSchema) }, 413, 415, 422),
    },
    async handle({ service, body: fields, header, signal }) {
      const range = namedRangeIn(fields);
      const options = { timestamp: timeIn(fields.timestamp, times), requestId: requestIdIn(header), signal };
      if (fields.dryRun === true) return jsonReply({ keys: await service.countDeleted(range, options) });
      return jsonReply(await service.deleteRange(range, options));
    },
  });
}
