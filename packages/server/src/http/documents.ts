import type { RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import { problemSchema } from "./schemas.ts";

type Responses = RouteConfig["responses"];

const problemContent = { "application/problem+json": { schema: problemSchema } };

const failures: Readonly<Record<number, string>> = {
  400: "The request is malformed: the detail says where.",
  401: "The server wants a token, and knows none like this.",
  403: "The token does not go that far, or the caller's Origin or Host is not one that this server knows.",
  404: "The key holds nothing; `details.deletedAt` where it did.",
  410: "What was asked for is no longer readable.",
  412: "A condition does not hold, or the write would not be the newest; `details` tells what is there now.",
  413: "The request, key, value or batch is too large.",
  415: "The body is of a media type that this route does not take.",
  422: "The timestamp is too far ahead, or below what may still be written.",
  429: "There are too many of these already; try again later.",
  501: "The request asks for something that this server does not do.",
  503: "The server is closing or stalled; try again.",
};

/** The answers of a route: what it succeeds with, and the failures worth naming besides 400, 401, 403 and 503. */
export function responsesOf(success: Responses, ...statuses: readonly (keyof typeof failures)[]): Responses {
  const named = [400, 401, 403, ...statuses, 503].sort((a, b) => a - b);
  const failing = named.map((status) => [status, { description: failures[status]!, content: problemContent }]);
  return { ...success, ...(Object.fromEntries(failing) as Responses) };
}

export function jsonResponse(description: string, schema: z.ZodType): Responses[200] {
  return { description, content: { "application/json": { schema } } };
}
