import { z } from "@hono/zod-openapi";
import { type EraseTarget, invalidArgument } from "@kvts/common";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { eraseResultSchema, keyFields, operationSchema, rangeFields } from "../schemas.ts";
import { type KeyFields, keyIn, namedRangeIn, type RangeFields } from "../value-fields.ts";
import { startedReply } from "./operations.ts";

const noQuery = z.strictObject({});

const body = z
  .strictObject({
    ...rangeFields,
    ...keyFields,
    dryRun: z
      .boolean()
      .openapi({ description: "Changes nothing, and answers what would go. It reads all of it." })
      .optional(),
  })
  .openapi("Erase", { description: 'A range or one key; `{"prefix": ""}` is every key.' });

/** `POST /v1/ranges:erase`: erases a range, or one key, to the last byte. */
export function eraseRoute(): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/ranges:erase",
    call: "write",
    query: noQuery,
    body: { json: body },
    doc: {
      operationId: "erase",
      tags: ["ranges"],
      summary: "Erase a range, or one key, to the last byte",
      description:
        "Everything that has been written to the keys, at every timestamp. Answers once no read shows it any more, and never will, with an operation that ends when its bytes are in no file of the store.",
      request: { query: noQuery, body: { required: true, content: { "application/json": { schema: body } } } },
      responses: responsesOf(
        {
          200: jsonResponse("Counted.", eraseResultSchema),
          202: jsonResponse("Hidden; the bytes go. `Location` has where to look.", operationSchema),
        },
        413,
        415,
        429,
      ),
    },
    async handle({ service, body: { dryRun = false, ...fields }, signal }) {
      const target = targetIn(fields);
      if (dryRun) return jsonReply(await service.countErased(target, { signal }));
      return startedReply(await service.erase(target, { signal }));
    },
  });
}

function targetIn({ key, keyBase64, ...range }: KeyFields & RangeFields): EraseTarget {
  if (key === undefined && keyBase64 === undefined) return namedRangeIn(range);
  if (Object.keys(range).length === 0) return { key: keyIn({ key, keyBase64 }) };
  throw invalidArgument("erase takes a key or a range; leave one of the two out", { field: "key" });
}
