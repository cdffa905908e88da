import { z } from "@hono/zod-openapi";
import { jsonResponse, responsesOf } from "../documents.ts";
import { rangeFromQuery } from "../keys.ts";
import { pageIn, pageReply } from "../pages.ts";
import { changeTexts } from "../representation.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import {
  asParameter,
  changeListSchema,
  keyEncodingParameter,
  pageParameters,
  rangeParameters,
  timeParameter,
} from "../schemas.ts";
import { timeText } from "../target.ts";

const query = z.strictObject({
  ...rangeParameters,
  from: timeParameter("The first moment, inclusive."),
  to: timeParameter("The second moment, inclusive; no earlier than the first."),
  ...pageParameters,
  as: asParameter.optional(),
  keyEncoding: keyEncodingParameter.optional(),
});

/** `/v1/diff`: what became of the keys of a range between two moments. */
export function diffRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/diff",
    call: "read",
    query,
    doc: {
      operationId: "diff",
      tags: ["keys"],
      summary: "List what became of the keys of a range between two moments",
      description:
        "Each key for which another version is visible at `to` than at `from`, in byte order of the keys. All pages are read at one seq.",
      request: { query },
      responses: responsesOf({ 200: jsonResponse("One page.", changeListSchema) }, 410, 413),
    },
    async handle({ service, query: { from, to, as, pageSize, pageToken, ...range }, signal }) {
      const request = {
        range: rangeFromQuery(range),
        from: timeText(from),
        to: timeText(to),
        ...pageIn({ pageSize, pageToken }),
        signal,
      };
      return pageReply(await service.diff(request, changeTexts(as)));
    },
  });
}
