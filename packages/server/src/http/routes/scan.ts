import { z } from "@hono/zod-openapi";
import { jsonResponse, responsesOf } from "../documents.ts";
import { rangeFromQuery } from "../keys.ts";
import { pageIn, pageReply } from "../pages.ts";
import { versionTexts } from "../representation.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import {
  asParameter,
  flagParameter,
  keyEncodingParameter,
  pageParameters,
  rangeParameters,
  timeParameter,
  versionListSchema,
} from "../schemas.ts";
import { timeText } from "../target.ts";

const query = z.strictObject({
  ...rangeParameters,
  at: timeParameter("The moment to read at, inclusive; without it, the newest versions.").optional(),
  reverse: flagParameter("Greatest key first.").optional(),
  includeDeleted: flagParameter("Also list keys whose visible version is a tombstone or has expired.").optional(),
  ...pageParameters,
  as: asParameter.optional(),
  keyEncoding: keyEncodingParameter.optional(),
});

/** `/v1/keys`: what the keys of a range hold. */
export function scanRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/keys",
    call: "read",
    query,
    doc: {
      operationId: "scan",
      tags: ["keys"],
      summary: "List what the keys of a range hold",
      description: "In byte order of the keys. All pages are read at one seq.",
      request: { query },
      responses: responsesOf({ 200: jsonResponse("One page.", versionListSchema) }, 410, 413),
    },
    async handle({ service, query: { at, reverse, includeDeleted, as, pageSize, pageToken, ...range }, signal }) {
      const request = {
        range: rangeFromQuery(range),
        asOf: at === undefined ? undefined : timeText(at),
        reverse: reverse === "true",
        includeDeleted: includeDeleted === "true",
        ...pageIn({ pageSize, pageToken }),
        signal,
      };
      return pageReply(await service.scan(request, versionTexts(as)));
    },
  });
}
