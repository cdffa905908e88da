import { OpenAPIHono, z } from "@hono/zod-openapi";
import { jsonResponse } from "../documents.ts";
import { jsonTextReply } from "../reply.ts";
import { type AnyRoute, defineOpenRoute } from "../route.ts";

/** `/openapi.json`: the document of `routes` and of itself, made when it is first asked for. */
export function openApiRoute(routes: readonly AnyRoute[], version: string): AnyRoute {
  let text: string | undefined;
  const route: AnyRoute = defineOpenRoute({
    method: "get",
    path: "/openapi.json",
    call: "read",
    doc: {
      operationId: "openapi",
      tags: ["health"],
      summary: "This document",
      responses: { 200: jsonResponse("OpenAPI 3.1.", z.record(z.string(), z.unknown())) },
    },
    handle() {
      text ??= JSON.stringify(openApiDocument([...routes, route], version));
      return Promise.resolve(jsonTextReply(text));
    },
  });
  return route;
}

function openApiDocument(routes: readonly AnyRoute[], version: string): object {
  const { openAPIRegistry, getOpenAPI31Document } = new OpenAPIHono();
  for (const { method, path, doc } of routes) openAPIRegistry.registerPath({ method, path, ...doc });
  return getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "kvts",
      version,
      description: "A key-value store that remembers every version by its timestamp.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/" }],
  });
}
