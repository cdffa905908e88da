import { z } from "@hono/zod-openapi";
import { jsonResponse, responsesOf } from "../documents.ts";
import { pageIn, pageReply } from "../pages.ts";
import { bucketTexts } from "../representation.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { bucketListSchema, pageParameters, timeParameter } from "../schemas.ts";
import { timeText } from "../target.ts";
import { keyEncoding, keyOf, keyPath } from "./key-path.ts";

const query = z.strictObject({
  step: z.string().openapi({
    description:
      "How long each bucket is: a duration, or integer microseconds. Buckets begin at whole multiples of it.",
    example: "1h",
  }),
  from: timeParameter("The oldest moment that counts, inclusive.").optional(),
  to: timeParameter("The newest moment that counts, inclusive.").optional(),
  ...pageParameters,
  keyEncoding,
});

/** `/v1/keys/{key}/aggregate`: the history of one key in numbers. */
export function aggregateRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/keys/{key}/aggregate",
    call: "read",
    query,
    doc: {
      operationId: "aggregateVersions",
      tags: ["keys"],
      summary: "List the numbers among the values of a key by steps of time",
      description:
        "Count, first, last, least, greatest and mean of the numbers written with a timestamp in each step, oldest first. Steps without numbers are left out.",
      request: { params: keyPath, query },
      responses: responsesOf({ 200: jsonResponse("One page.", bucketListSchema) }, 410, 413),
    },
    async handle({ service, query: { step, from, to, keyEncoding, ...page }, segments, signal }) {
      const request = {
        key: keyOf(segments, { keyEncoding }),
        step: /^\d{1,16}$/.test(step) ? Number(step) : step,
        from: from === undefined ? undefined : timeText(from),
        to: to === undefined ? undefined : timeText(to),
        ...pageIn(page),
        signal,
      };
      return pageReply(await service.aggregate(request, bucketTexts));
    },
  });
}
