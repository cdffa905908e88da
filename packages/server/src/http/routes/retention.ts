import { z } from "@hono/zod-openapi";
import {
  bytesFromJson,
  encodeRetentionPrefix,
  invalidArgument,
  type KeepFor,
  type KvtsError,
  parseDuration,
  retentionPolicyToJson,
} from "@kvts/common";
import { jsonResponse, responsesOf } from "../documents.ts";
import { rangeFromQuery } from "../keys.ts";
import { jsonReply } from "../reply.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import {
  flagParameter,
  keepForSchema,
  keyEncodingParameter,
  rangeParameters,
  retentionListSchema,
  retentionResultSchema,
} from "../schemas.ts";

const path = "/v1/retention";
const tags = ["admin"];
const noQuery = z.strictObject({});
const dryRunText = "Changes nothing, and counts what would go.";

const deleteQuery = z.strictObject({
  prefix: rangeParameters.prefix,
  dryRun: flagParameter(dryRunText).optional(),
  keyEncoding: keyEncodingParameter.optional(),
});

const body = z
  .strictObject({
    prefix: z.string().openapi({ description: "What the keys begin with; empty for all keys." }).optional(),
    prefixBase64: z.string().openapi({ description: "The same in base64, where it is no UTF-8." }).optional(),
    keepFor: keepForSchema,
    dryRun: z.boolean().openapi({ description: dryRunText }).optional(),
  })
  .openapi("SetRetention");

/** `/v1/retention`: how long history is kept, by prefix. */
export function retentionRoutes(): AnyRoute[] {
  return [listRoute(), setRoute(), deleteRoute()];
}

function listRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path,
    call: "read",
    query: noQuery,
    doc: {
      operationId: "listRetention",
      tags,
      summary: "List how long history is kept",
      description: "All policies, in byte order of their prefixes, and how far each has cut history.",
      request: { query: noQuery },
      responses: responsesOf({ 200: jsonResponse("All of them.", retentionListSchema) }),
    },
    async handle({ service, signal }) {
      return jsonReply({ items: (await service.listRetention(signal)).map(retentionPolicyToJson) });
    },
  });
}

function setRoute(): AnyRoute {
  return defineRoute({
    method: "put",
    path,
    call: "write",
    query: noQuery,
    body: { json: body },
    doc: {
      operationId: "setRetention",
      tags,
      summary: "Set how long history is kept",
      description:
        "Of the keys with a prefix, as far as no longer prefix has a policy of its own. What is older shows no more from now on, current values stay, and nothing can be written to the time before. What is cut stays cut.",
      request: { query: noQuery, body: { content: { "application/json": { schema: body } } } },
      responses: responsesOf({ 200: jsonResponse("Set.", retentionResultSchema) }, 413, 415),
    },
    async handle({ service, body: { keepFor, dryRun = false, ...fields }, signal }) {
      const prefix = bytesFromJson(fields, "prefix", "prefixBase64", encodeRetentionPrefix);
      if (prefix === undefined) throw missingPrefix();
      return jsonReply(await service.setRetention(prefix, microsOf(keepFor), { dryRun, signal }));
    },
  });
}

function deleteRoute(): AnyRoute {
  return defineRoute({
    method: "delete",
    path,
    call: "write",
    query: deleteQuery,
    doc: {
      operationId: "deleteRetention",
      tags,
      summary: "Take a policy away",
      description:
        "That of exactly this prefix, so that the next shorter one holds. Succeeds where there is none. What is cut stays cut.",
      request: { query: deleteQuery },
      responses: responsesOf({ 200: jsonResponse("It is gone.", retentionResultSchema) }, 413),
    },
    async handle({ service, query, signal }) {
      const { prefix } = rangeFromQuery(query);
      if (prefix === undefined) throw missingPrefix();
      return jsonReply(
        await service.deleteRetention(encodeRetentionPrefix(prefix), { dryRun: query.dryRun === "true", signal }),
      );
    },
  });
}

/** Nobody is to cut the history of all keys by leaving something out. */
function missingPrefix(): KvtsError {
  return invalidArgument('the prefix is missing; "" stands for all keys', { field: "prefix" });
}

function microsOf(keepFor: KeepFor): number | null {
  return typeof keepFor === "string" ? parseDuration(keepFor) : keepFor;
}
