import { z } from "@hono/zod-openapi";
import { conditionIn, conditionParameters } from "../conditions.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { mediaType, parseJson } from "../json-body.ts";
import { HttpFailure, problem, unsupportedMediaType } from "../problem.ts";
import { jsonReply } from "../reply.ts";
import { requestIdIn, writeHeaders } from "../request-id.ts";
import { type AnyRoute, defineRoute, type HttpCall } from "../route.ts";
import { expiryFields, timeParameter, valueFields, writeResultSchema, writeTimestampField } from "../schemas.ts";
import { validated } from "../validate.ts";
import { expiryIn, queryTime, requireValue, type Times, timeIn, valueIn } from "../value-fields.ts";
import { keyEncoding, keyOf, keyPath } from "./key-path.ts";

const putQuery = z.strictObject({
  ts: timeParameter("From when on the value holds; assigned when absent.").optional(),
  expiresAt: timeParameter("From when on it reads as deleted.").optional(),
  ttl: expiryFields.ttl,
  ...conditionParameters,
  keyEncoding,
});

const envelopeSchema = z
  .strictObject({ ...valueFields, ...writeTimestampField, ...expiryFields })
  .openapi("PutValue", { description: "One of the three values." });

/** `PUT /v1/keys/{key}`. */
export function putKeyRoute(times: Times): AnyRoute {
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
        headers: writeHeaders,
        body: {
          content: {
            "*/*": { schema: z.string().openapi({ format: "binary" }) },
            "application/json": { schema: envelopeSchema },
          },
        },
      },
      responses: responsesOf({ 200: jsonResponse("Committed.", writeResultSchema) }, 412, 413, 415, 422, 501),
    },
    async handle({ service, query, body, segments, header, signal }) {
      const key = keyOf(segments, query);
      const { value, timestamp, expiresAt } = putFields(query, body as Uint8Array, header, times);
      const requestId = requestIdIn(header);
      const condition = conditionIn(query, header, times);
      return jsonReply(await service.put(key, value, { timestamp, expiresAt, ...condition, requestId, signal }));
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
