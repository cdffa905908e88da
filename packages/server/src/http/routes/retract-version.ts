import { z } from "@hono/zod-openapi";
import { invalidArgument, textOf } from "@kvts/common";
import { conditionIn, conditionParameters } from "../conditions.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { jsonReply } from "../reply.ts";
import { requestIdIn, writeHeaders } from "../request-id.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { timeParameter, writeResultSchema } from "../schemas.ts";
import { percentDecode } from "../target.ts";
import { type Times, timeIn } from "../value-fields.ts";
import { keyEncoding, keyOf, keyPath } from "./key-path.ts";

const query = z.strictObject({ ...conditionParameters, keyEncoding });

/** `DELETE /v1/keys/{key}/versions/{ts}`: takes back one version. */
export function retractVersionRoute(times: Times): AnyRoute {
  return defineRoute({
    method: "delete",
    path: "/v1/keys/{key}/versions/{ts}",
    call: "write",
    query,
    doc: {
      operationId: "retractVersion",
      tags: ["keys"],
      summary: "Take back a version",
      description:
        "What was written at exactly this timestamp, a value or a tombstone, no longer counts: what held before it holds on. Succeeds where nothing was written.",
      request: {
        params: keyPath.extend({ ts: timeParameter("The timestamp of what is taken back.") }),
        query,
        headers: writeHeaders,
      },
      responses: responsesOf({ 200: jsonResponse("Committed.", writeResultSchema) }, 412, 413, 501),
    },
    async handle({ service, query, segments, header, signal }) {
      const requestId = requestIdIn(header);
      const condition = conditionIn(query, header, times);
      const timestamp = timestampOf(segments, times);
      return jsonReply(await service.retract(keyOf(segments, query), timestamp, { ...condition, requestId, signal }));
    },
  });
}

function timestampOf(segments: readonly string[], times: Times): number {
  const text = textOf(percentDecode(segments[4]!, "the timestamp", false));
  if (text === undefined) throw invalidArgument("the timestamp in the path is not UTF-8");
  return timeIn(text, times)!;
}
