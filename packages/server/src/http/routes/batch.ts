import { z } from "@hono/zod-openapi";
import { encodeKey, isKvtsError, KvtsError, limits, rangeDeletion } from "@kvts/common";
import type { ResolvedOperation } from "../../service/writes.ts";
import { preconditionIn, preconditionSchema } from "../conditions.ts";
import { jsonResponse, responsesOf } from "../documents.ts";
import { pageReply } from "../pages.ts";
import { jsonReply } from "../reply.ts";
import { entryTexts } from "../representation.ts";
import { idempotencyKey, requestIdIn } from "../request-id.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import {
  asParameter,
  batchGetSchema,
  expiryFields,
  keyFields,
  rangeFields,
  seqSchema,
  snapshotParameter,
  timeField,
  valueFields,
  writeResultSchema,
  writeTimestampField,
} from "../schemas.ts";
import { expiryIn, keyIn, namedRangeIn, type Times, timeIn, valueIn } from "../value-fields.ts";

const noQuery = z.strictObject({});

const getBody = z
  .strictObject({
    keys: z
      .array(z.union([z.string(), z.strictObject(keyFields)]))
      .openapi({ description: `At most ${limits.batchOperationsMax} keys, each as text or {"keyBase64": …}.` }),
    at: timeField("The moment to read at, inclusive; without it, the newest versions.").optional(),
    atSeq: seqSchema.optional().openapi({ description: "Ignores commits above this seq." }),
    as: asParameter.optional(),
    pageSize: z
      .int()
      .min(0)
      .optional()
      .openapi({ description: `Most items wanted; at most ${limits.pageItemsMax}.` }),
    pageToken: z.string().optional().openapi({ description: "The `nextPageToken` of the page before." }),
    snapshot: snapshotParameter.optional(),
  })
  .openapi("BatchGet");

const putOperation = z
  .strictObject({ op: z.literal("put"), ...keyFields, ...valueFields, ...writeTimestampField, ...expiryFields })
  .openapi("PutOperation");
const deleteOperation = z
  .strictObject({ op: z.literal("delete"), ...keyFields, ...writeTimestampField })
  .openapi("DeleteOperation");
const retractOperation = z
  .strictObject({ op: z.literal("retract"), ...keyFields, timestamp: timeField("Of the version that is taken back.") })
  .openapi("RetractOperation");
const deleteRangeOperation = z
  .strictObject({ op: z.literal("deleteRange"), ...rangeFields, ...writeTimestampField })
  .openapi("DeleteRangeOperation", { description: '`"prefix": ""` is every key.' });
const operation = z.discriminatedUnion("op", [putOperation, deleteOperation, retractOperation, deleteRangeOperation]);

const batchBody = z
  .strictObject({
    operations: z.array(operation).openapi({ description: "Later ones win over earlier ones." }),
    preconditions: z
      .array(preconditionSchema)
      .optional()
      .openapi({ description: `All have to hold; at most ${limits.batchOperationsMax}.` }),
  })
  .openapi("Batch");

/** `/v1/get` and `/v1/batch`: many keys at once. */
export function batchRoutes(times: Times): AnyRoute[] {
  return [getManyRoute(), writeRoute(times)];
}

function getManyRoute(): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/get",
    call: "read",
    query: noQuery,
    body: { json: getBody },
    doc: {
      operationId: "batchGet",
      tags: ["batches"],
      summary: "Read many keys",
      description: "All at one seq. What does not fit one page goes on under `nextPageToken`, sent with the same body.",
      request: { query: noQuery, body: { required: true, content: { "application/json": { schema: getBody } } } },
      responses: responsesOf({ 200: jsonResponse("One page.", batchGetSchema) }, 410, 413, 415),
    },
    async handle({ service, body: { keys, as, at: asOf, ...rest }, signal }) {
      const wanted = keys.map((key, index) =>
        numbered("key", index, () => (typeof key === "string" ? encodeKey(key) : keyIn(key))),
      );
      return pageReply(await service.batchGet({ keys: wanted, asOf, ...rest, signal }, entryTexts(as)));
    },
  });
}

function writeRoute(times: Times): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/batch",
    call: "write",
    query: noQuery,
    body: { json: batchBody },
    doc: {
      operationId: "writeBatch",
      tags: ["batches"],
      summary: "Write many keys, all or nothing",
      description: "Operations without a timestamp share one. The seq is that of the last operation.",
      request: {
        query: noQuery,
        headers: idempotencyKey,
        body: { required: true, content: { "application/json": { schema: batchBody } } },
      },
      responses: responsesOf({ 200: jsonResponse("Committed.", writeResultSchema) }, 412, 413, 415, 422),
    },
    async handle({ service, body, header, signal }) {
      const operations = body.operations.map((fields, index) =>
        numbered("operation", index, () => operationIn(fields, times)),
      );
      const preconditions = body.preconditions?.map((fields, index) =>
        numbered("precondition", index, () => preconditionIn(fields, times)),
      );
      return jsonReply(await service.write(operations, { preconditions, requestId: requestIdIn(header), signal }));
    },
  });
}

function operationIn(fields: z.output<typeof operation>, times: Times): ResolvedOperation {
  if (fields.op === "deleteRange") return rangeDeletion(namedRangeIn(fields), timeIn(fields.timestamp, times));
  const key = keyIn(fields);
  if (fields.op === "retract") return { op: "retract", key, timestamp: timeIn(fields.timestamp, times)! };
  const timestamp = timeIn(fields.timestamp, times);
  if (fields.op === "delete") return { op: "delete", key, timestamp };
  return { op: "put", key, value: valueIn(fields), timestamp, expiresAt: expiryIn(fields, timestamp, times) };
}

/** Says which one was bad. */
function numbered<T>(what: string, index: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!isKvtsError(error)) throw error;
    throw new KvtsError(error.code, `${what} ${index}: ${error.message}`, {
      details: { ...error.details, [what]: index },
    });
  }
}
