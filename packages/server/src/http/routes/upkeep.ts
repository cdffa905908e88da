import { z } from "@hono/zod-openapi";
import { jsonResponse, responsesOf } from "../documents.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { operationSchema } from "../schemas.ts";
import { startedReply } from "./operations.ts";

const noQuery = z.strictObject({});

const begun = { 202: jsonResponse("It has begun. `Location` has where to look.", operationSchema) };

/** `/v1/admin/…`: upkeep that takes long, as operations. */
export function upkeepRoutes(): AnyRoute[] {
  return [verifyRoute(), checkpointRoute()];
}

const verifyBody = z
  .strictObject({
    bytesPerSecond: z
      .int()
      .min(1)
      .openapi({ description: "How fast it may read at most; as fast as the disk without it." })
      .optional(),
  })
  .openapi("Verify");

function verifyRoute(): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/admin/verify",
    call: "write",
    query: noQuery,
    body: { json: verifyBody, optional: true },
    doc: {
      operationId: "verify",
      tags: ["admin"],
      summary: "Read the whole store again, and list what is wrong",
      description: "Answers at once, with an operation. The body may be left out.",
      request: { query: noQuery, body: { content: { "application/json": { schema: verifyBody } } } },
      responses: responsesOf(begun, 415, 429, 501),
    },
    async handle({ service, body: { bytesPerSecond }, signal }) {
      return startedReply(await service.verify(bytesPerSecond, { signal }));
    },
  });
}

const checkpointBody = z
  .strictObject({
    name: z.string().openapi({
      description: "In the server's directory of checkpoints: letters, digits, `.`, `_` and `-`, the first no dot.",
      example: "monday",
    }),
  })
  .openapi("Checkpoint");

function checkpointRoute(): AnyRoute {
  return defineRoute({
    method: "post",
    path: "/v1/admin/checkpoint",
    call: "write",
    query: noQuery,
    body: { json: checkpointBody },
    doc: {
      operationId: "checkpoint",
      tags: ["admin"],
      summary: "Make a copy of the store on the server's machine",
      description: "It can be opened like any other store. Answers at once, with an operation.",
      request: {
        query: noQuery,
        body: { required: true, content: { "application/json": { schema: checkpointBody } } },
      },
      responses: responsesOf(begun, 415, 429, 501),
    },
    async handle({ service, body: { name }, signal }) {
      return startedReply(await service.checkpoint(name, { signal }));
    },
  });
}
