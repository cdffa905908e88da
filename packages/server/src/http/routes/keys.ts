import { z } from "@hono/zod-openapi";
import type { Service } from "../../service/service.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { mediaType, parseJson } from "../json-body.ts";
import { keyFromSegment } from "../keys.ts";
import { HttpFailure, problem, unsupportedMediaType } from "../problem.ts";
import { jsonReply, jsonTextReply, type Reply } from "../reply.ts";
import { entityTag, entryHeaders, isUnchanged, prefersJson, versionText } from "../representation.ts";
import { idempotencyKey, requestIdIn } from "../request-id.ts";
import { type AnyRoute, defineRoute, type HttpCall } from "../route.ts";
import {
  asParameter,
  expiryFields,
  keyEncodingParameter,
  timeParameter,
  valueFields,
  versionSchema,
  writeResultSchema,
  writeTimestampField,
} from "../schemas.ts";
import { conditionsUnserved, validated } from "../validate.ts";
import { expiryIn, queryTime, requireValue, type Times, timeIn, valueIn } from "../value-fields.ts";

const keyPath = z.object({
  key: z.string().openapi({ description: "The key: one percent-encoded segment.", example: "user%3A1" }),
});

const keyEncoding = keyEncodingParameter.optional();

const getQuery = z.strictObject({
  at: timeParameter("The moment to read at, inclusive; without it, the newest version.").optional(),
  as: asParameter.optional(),
  keyEncoding,
});

const putQuery = z.strictObject({
  ts: timeParameter("From when on the value holds; assigned when absent.").optional(),
  expiresAt: timeParameter("From when on it reads as deleted.").optional(),
  ttl: expiryFields.ttl,
  keyEncoding,
});

const deleteQuery = z.strictObject({
  ts: timeParameter("From when on the key holds nothing; assigned when absent.").optional(),
  keyEncoding,
});

const envelopeSchema = z
  .strictObject({ ...valueFields, ...writeTimestampField, ...expiryFields })
  .openapi("PutValue", { description: "One of the three values." });

/** `/v1/keys/{key}`: one key. */
export function keyRoutes(service: Service, times: Times): AnyRoute[] {
  return [getRoute(service, times), putRoute(service, times), deleteRoute(service, times)];
}

function getRoute(service: Service, times: Times): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/keys/{key}",
    call: "read",
    query: getQuery,
    doc: {
      operationId: "getKey",
      tags: ["keys"],
      summary: "Read a key",
      description:
        "Answers the value's bytes, or JSON under `Accept: application/json`. HEAD answers the headers. " +
        "If-None-Match with the ETag of an earlier answer gets 304 while that is current.",
      request: { params: keyPath, query: getQuery },
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
    async handle({ query, segments, header, signal }) {
      const request = { key: keyOf(segments, query), asOf: queryTime(query.at, times), signal };
      const entry = await service.get(request);
      if (entry === undefined) return await absentReply(service, request);
      const json = query.as === "json" || prefersJson(header("accept"));
      const tag = entityTag(entry, json ? "json" : "raw");
      const headers = entryHeaders(entry, tag);
      if (isUnchanged(header("if-none-match"), tag)) return { status: 304, headers, body: undefined };
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

function putRoute(service: Service, times: Times): AnyRoute {
  return defineRoute({
    method: "put",
    path: "/v1/keys/{key}",
    call: "write",
    query: putQuery,
    body: { raw: true },
    doc: {
      operationId: "putKey",
      tags: ["keys"],
      summary: "Write a key",
      description:
        "The body is the value itself, whatever its type, except application/json, which is an object that holds it.",
      request: {
        params: keyPath,
        query: putQuery,
        headers: idempotencyKey,
        body: {
          content: {
            "*/*": { schema: z.string().openapi({ format: "binary" }) },
            "application/json": { schema: envelopeSchema },
          },
        },
      },
      responses: responsesOf({ 200: jsonResponse("Committed.", writeResultSchema) }, 413, 415, 422, 501),
    },
    async handle({ query, body, segments, header, signal }) {
      refuseConditions(header);
      const key = keyOf(segments, query);
      const { value, timestamp, expiresAt } = putFields(query, body as Uint8Array, header, times);
      const requestId = requestIdIn(header);
      return jsonReply(await service.put(key, value, { timestamp, expiresAt, requestId, signal }));
    },
  });
}

interface PutFields {
  readonly value: Uint8Array;
  readonly timestamp: number | undefined;
  readonly expiresAt: number | undefined;
}

function putFields(
  query: z.output<typeof putQuery>,
  body: Uint8Array,
  header: HttpCall<never, never>["header"],
  times: Times,
): PutFields {
  const encoding = header("content-encoding");
  if (encoding !== undefined && encoding !== "identity") {
    throw unsupportedMediaType("the value would be stored compressed; send it without content-encoding");
  }
  const fields = mediaType(header("content-type")) === "application/json" ? envelopeIn(body) : undefined;
  const timestamp = either("ts", queryTime(query.ts, times), timeIn(fields?.timestamp, times));
  const inQuery = expiryIn({ expiresAt: queryTime(query.expiresAt, times), ttl: query.ttl }, timestamp, times);
  const expiresAt = either("the expiry", inQuery, expiryIn(fields ?? {}, timestamp, times));
  return { value: fields === undefined ? body : valueIn(fields), timestamp, expiresAt };
}

function envelopeIn(body: Uint8Array): z.output<typeof envelopeSchema> {
  const json = parseJson(body);
  requireValue(json);
  return validated(envelopeSchema, json, "the body");
}

function either(name: string, inQuery: number | undefined, inBody: number | undefined): number | undefined {
  if (inQuery !== undefined && inBody !== undefined) {
    throw new HttpFailure(
      problem(400, "INVALID_ARGUMENT", `${name} is given in the query and in the body; leave one out`),
    );
  }
  return inQuery ?? inBody;
}

function deleteRoute(service: Service, times: Times): AnyRoute {
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
      request: { params: keyPath, query: deleteQuery, headers: idempotencyKey },
      responses: responsesOf({ 200: jsonResponse("Committed.", writeResultSchema) }, 413, 422, 501),
    },
    async handle({ query, segments, header, signal }) {
      refuseConditions(header);
      const timestamp = queryTime(query.ts, times);
      const requestId = requestIdIn(header);
      return jsonReply(await service.delete(keyOf(segments, query), { timestamp, requestId, signal }));
    },
  });
}

function keyOf(segments: readonly string[], query: { readonly keyEncoding?: "base64url" | undefined }): Uint8Array {
  return keyFromSegment(segments[2]!, query.keyEncoding);
}

const conditionHeaders = ["if-match", "if-none-match", "if-unmodified-since"];

/** @throws UNIMPLEMENTED: a condition passed over would be a lost update */
function refuseConditions(header: HttpCall<never, never>["header"]): void {
  const name = conditionHeaders.find((candidate) => header(candidate) !== undefined);
  if (name !== undefined) throw conditionsUnserved(name);
}
