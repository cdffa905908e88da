import { z } from "@hono/zod-openapi";
import type { Service } from "../../service/service.ts";
import { responsesOf } from "../documents.ts";
import { problem } from "../problem.ts";
import { jsonTextReply, type Reply } from "../reply.ts";
import { entityTag, entryHeaders, prefersJson, unchangedTag, versionText } from "../representation.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { asParameter, snapshotParameter, timeParameter, versionSchema } from "../schemas.ts";
import { queryTime, type Times } from "../value-fields.ts";
import { keyEncoding, keyOf, keyPath } from "./key-path.ts";

const query = z.strictObject({
  at: timeParameter("The moment to read at, inclusive; without it, the newest version.").optional(),
  as: asParameter.optional(),
  snapshot: snapshotParameter.optional(),
  keyEncoding,
});

/** `GET /v1/keys/{key}`, and HEAD. */
export function getKeyRoute(times: Times): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/keys/{key}",
    call: "read",
    query,
    doc: {
      operationId: "getKey",
      tags: ["keys"],
      summary: "Read a key",
      description:
        "Answers the value's bytes, or JSON under `Accept: application/json`. HEAD answers the headers. " +
        "If-None-Match with the ETag of an earlier answer gets 304 while that is current.",
      request: { params: keyPath, query },
      responses: responsesOf(
        {
          200: {
            description: "The value, with Kvts-Timestamp, Kvts-Seq and Kvts-Expires-At.",
            content: {
              "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) },
              "application/json": { schema: versionSchema },
            },
          },
          304: { description: "The representation of If-None-Match is current." },
        },
        404,
        410,
        413,
      ),
    },
    async handle({ service, query, segments, header, signal }) {
      const { at, snapshot } = query;
      const request = { key: keyOf(segments, query), asOf: queryTime(at, times), snapshot, signal };
      const entry = await service.get(request);
      if (entry === undefined) return await absentReply(service, request);
      const json = query.as === "json" || prefersJson(header("accept"));
      const tag = entityTag(entry, json ? "json" : "raw");
      const headers = entryHeaders(entry, tag);
      const unchanged = unchangedTag(header("if-none-match"), tag);
      if (unchanged !== undefined) return { status: 304, headers: { ...headers, etag: unchanged }, body: undefined };
      if (json) return jsonTextReply(versionText(entry, query.as), headers);
      return { status: 200, headers: { "content-type": "application/octet-stream", ...headers }, body: entry.value };
    },
  });
}

async function absentReply(service: Service, request: Parameters<Service["deletedAt"]>[0]): Promise<Reply> {
  const deletedAt = await service.deletedAt(request);
  const headers = { vary: "Accept, Accept-Encoding", "cache-control": "no-cache" };
  if (deletedAt === undefined) return problem(404, "NOT_FOUND", "the key holds no value at that moment", {}, headers);
  const detail = "the key was deleted, or its value has expired; read at an earlier moment for what it held";
  return problem(404, "NOT_FOUND", detail, { deletedAt }, { ...headers, "kvts-deleted-at": deletedAt });
}
