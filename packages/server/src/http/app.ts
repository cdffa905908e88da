import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { discardUnreadBody } from "../body.ts";
import type { Incoming, Outgoing } from "../exchanges.ts";
import { problem } from "./problem.ts";
import { protection, type Reply, sendReply } from "./reply.ts";
import { type AnyRoute, answer, type RouteOptions } from "./route.ts";
import { splitTarget } from "./target.ts";

/** Answers the requests of the HTTP/JSON face. */
export type HttpHandler = (incoming: Incoming, outgoing: Outgoing) => void;

type Env = { Bindings: HttpBindings };

/**
 * Hono finds the route; it is told the path as it came, since its own reading of a URL mends what is broken. Routes write
 * their answers to Node's response themselves.
 */
export function createHttpHandler(routes: readonly AnyRoute[], options: RouteOptions): HttpHandler {
  const app = new Hono<Env>({
    getPath: (_request, context) => pathOf((context!.env as HttpBindings).incoming),
  });
  for (const route of routes) {
    app.on(route.method.toUpperCase(), honoPath(route.path), async ({ env }) => {
      await answer(route, env.incoming, env.outgoing, options);
      return RESPONSE_ALREADY_SENT;
    });
  }
  const refusalFor = refusals(routes);
  app.notFound(({ env: { incoming, outgoing } }) => {
    const exchange = options.exchanges.begin(incoming, outgoing);
    discardUnreadBody(incoming, outgoing);
    sendReply(refusalFor(pathOf(incoming)), outgoing, exchange.id);
    return RESPONSE_ALREADY_SENT;
  });
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // Unread bodies are seen to where bodies are read.
    autoCleanupIncoming: false,
    errorHandler: () => toResponse(brokenTarget),
  });
  return (incoming, outgoing) => void listener(incoming, outgoing);
}

function pathOf(incoming: Incoming): string {
  return splitTarget(incoming.url ?? "").path;
}

const unknownRoute = problem(404, "UNIMPLEMENTED", "there is no such route; /openapi.json lists those that there are");
const emptyKey = problem(400, "INVALID_ARGUMENT", "a key has at least one byte; this one is empty");
const brokenTarget = problem(
  400,
  "INVALID_ARGUMENT",
  "the URL has characters that it cannot hold; percent-encode them",
);

/** What is answered where no route has both the path and the method of a request. */
function refusals(routes: readonly AnyRoute[]): (path: string) => Reply {
  const patterns = [...methodsByPath(routes)].map(([path, methods]) => ({
    shape: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    reply: problem(405, "UNIMPLEMENTED", `this route takes ${methods}`, {}, { allow: methods }),
  }));
  return (path) => {
    if (/^\/v1\/keys\/(?:\/aggregate|\/versions(?:\/[^/]*)?)?$/.test(path)) return emptyKey;
    return patterns.find(({ shape }) => shape.test(path))?.reply ?? unknownRoute;
  };
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

function methodsByPath(routes: readonly AnyRoute[]): Map<string, string> {
  const methods = new Map<string, string>();
  for (const { method, path } of routes) {
    const names = method === "get" ? "GET, HEAD" : method.toUpperCase();
    const others = methods.get(path);
    methods.set(path, others === undefined ? names : `${others}, ${names}`);
  }
  return methods;
}

function toResponse({ status, headers, body }: Reply): Response {
  return new Response(body as string, { status, headers: { ...protection, ...headers } as Record<string, string> });
}
