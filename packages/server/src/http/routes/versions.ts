import { z } from "@hono/zod-openapi";
import { jsonResponse, responsesOf } from "../documents.ts";
import { pageIn, pageReply } from "../pages.ts";
import { versionTexts } from "../representation.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { asParameter, flagParameter, pageParameters, timeParameter, versionListSchema } from "../schemas.ts";
import { timeText } from "../target.ts";
import { keyEncoding, keyOf, keyPath } from "./key-path.ts";

const query = z.strictObject({
  from: timeParameter("The oldest moment wanted, inclusive.").optional(),
  to: timeParameter("The newest moment wanted, inclusive.").optional(),
  reverse: flagParameter("Oldest first.").optional(),
  ...pageParameters,
  as: asParameter.optional(),
  keyEncoding,
});

/** `/v1/keys/{key}/versions`: the history of one key. */
export function versionsRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/keys/{key}/versions",
    call: "read",
    query,
    doc: {
      operationId: "listVersions",
      tags: ["keys"],
      summary: "List the versions of a key",
      description: "Newest first, tombstones included.",
      request: {
        params: keyPath,
        query,
      },
      responses: responsesOf({ 200: jsonResponse("One page.", versionListSchema) }, 410, 413),
    },
    async handle({ service, query: { from, to, reverse, as, keyEncoding, ...page }, segments, signal }) {
      const request = {
        key: keyOf(segments, { keyEncoding }),
        from: from === undefined ? undefined : timeText(from),
        to: to === undefined ? undefined : timeText(to),
        reverse: reverse === "true",
        ...pageIn(page),
        signal,
      };
      return pageReply(await service.versions(request, versionTexts(as)));
    },
  });
}
