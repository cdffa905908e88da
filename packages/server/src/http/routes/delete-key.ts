import { z } from "@hono/zod-openapi";
import { conditionIn, conditionParameters } from "../conditions.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { requestIdIn, writeHeaders } from "../request-id.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { timeParameter, writeResultSchema } from "../schemas.ts";
import { queryTime, type Times } from "../value-fields.ts";
import { keyEncoding, keyOf, keyPath } from "./key-path.ts";

const deleteQuery = z.strictObject({
  ts: timeParameter("From when on the key holds nothing; assigned when absent.").optional(),
  ...conditionParameters,
  keyEncoding,
});

/** `DELETE /v1/keys/{key}`. */
export function deleteKeyRoute(times: Times): AnyRoute {
  return defineRoute({
    method: "delete",
    path: "/v1/keys/{key}",
    call: "write",
    query: deleteQuery,
    doc: {
      operationId: "deleteKey",
      tags: ["keys"],
      summary: "Delete a key",
      description: "Succeeds whether or not the key holds a value. Its history stays readable.",
      request: { params: keyPath, query: deleteQuery, headers: writeHeaders },
      responses: responsesOf({ 200: jsonResponse("Committed.", writeResultSchema) }, 412, 413, 422, 501),
    },
    async handle({ service, query, segments, header, signal }) {
      const timestamp = queryTime(query.ts, times);
      const requestId = requestIdIn(header);
      const condition = conditionIn(query, header, times);
      return jsonReply(await service.delete(keyOf(segments, query), { timestamp, ...condition, requestId, signal }));
    },
  });
}
