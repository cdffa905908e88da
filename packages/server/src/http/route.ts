import type { RouteConfig } from "@hono/zod-openapi";
import { isKvtsError, type Logger } from "@kvts/common";
import { z } from "zod";
import type { Access } from "../access.ts";
import { discardUnreadBody, readBody } from "../body.ts";
import type { Exchange, Exchanges, Incoming, Outgoing } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import type { CallMeter } from "../metrics/calls.ts";
import type { Service } from "../service/service.ts";
import { compressed, isWorthCompressing } from "./compression.ts";
import { parseJson, requireJson } from "./json-body.ts";
import { HttpFailure, problemReply } from "./problem.ts";
import { type Reply, sendReply } from "./reply.ts";
import { type EventReply, isEventReply, sendEvents } from "./send-events.ts";
import { parseQuery, splitTarget } from "./target.ts";
import { validated } from "./validate.ts";

/** One request, checked as far as its route's schemas go. */
export interface HttpCall<Query, Body> {
  /** The service, as far as the caller may use it. */
  readonly service: Service;
  readonly query: Query;
  /** The checked JSON body; of a raw body its bytes. */
  readonly body: Body;
  /** The path's segments, still percent-encoded: `["v1", "keys", …]`. */
  readonly segments: readonly string[];
  header(name: string): string | undefined;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** What a request may bring in its body. */
type BodyRule<S extends z.ZodType> =
  /** JSON of this shape; `optional` where an empty body stands for `{}`. */
  | { readonly json: S; readonly optional?: boolean }
  /** Bytes of any type. */
  | { readonly raw: true };

/** A route: what it takes, how the OpenAPI document tells of it, and what it does. */
export interface Route<Q extends z.ZodType = z.ZodType, B extends z.ZodType = z.ZodType> {
  readonly method: "get" | "put" | "post" | "delete";
  /** As in OpenAPI: `/v1/keys/{key}`. */
  readonly path: string;
  readonly call: "read" | "write";
  readonly query: Q;
  readonly body?: BodyRule<B> | undefined;
  readonly doc: Pick<RouteConfig, "summary" | "description" | "operationId" | "tags" | "request" | "responses">;
  handle(call: HttpCall<z.output<Q>, z.output<B>>): Promise<Reply | EventReply>;
}

/** A route that answers anybody, also while the server starts and closes; it has nothing to do with the store. */
export type OpenRoute = Omit<Route, "handle" | "query" | "body"> & { handle(): Promise<Reply> };

/** A route whose types have served their purpose. */
export type AnyRoute = Omit<Route, "handle"> & {
  readonly always?: true;
  handle(call: AnyCall): Promise<Reply | EventReply>;
};

type AnyCall = HttpCall<never, never>;

export function defineRoute<Q extends z.ZodType, B extends z.ZodType>(route: Route<Q, B>): AnyRoute {
  return route as AnyRoute;
}

export function defineOpenRoute(route: OpenRoute): AnyRoute {
  return { ...route, query: z.strictObject({}), always: true };
}

/** What all routes share. */
export interface RouteOptions {
  readonly exchanges: Exchanges;
  readonly access: Access;
  readonly calls: CallMeter;
  readonly maxRequestBytes: number;
  readonly logger: Logger;
}

/** Answers one request by its route. Never fails: what goes wrong is an answer too. */
export async function answer(
  route: AnyRoute,
  incoming: Incoming,
  outgoing: Outgoing,
  options: RouteOptions,
): Promise<void> {
  const exchange = options.exchanges.begin(incoming, outgoing);
  if (route.always === true) exchange.trace?.forget();
  else exchange.trace?.isRoute(route.path);
  discardUnreadBody(incoming, outgoing);
  let reply: Reply | EventReply;
  try {
    const call = await callOf(route, incoming, exchange, options);
    reply = await route.handle(call as AnyCall);
    if (isEventReply(reply)) return await goOn(reply, route, incoming, outgoing, exchange, options);
    if (route.call === "read" && route.always !== true && incoming.method !== "HEAD") {
      exchange.holdAnswer(reply.body?.length ?? 0);
    }
    if (isWorthCompressing(reply)) reply = await compressed(reply, acceptedEncodings(incoming));
  } catch (error) {
    reply = failureReply(error, route, exchange, options);
  }
  options.calls.count("http", route.doc.operationId ?? route.path, reply.code ?? "OK", exchange);
  options.logger.debug({ requestId: exchange.id, call: route.doc.operationId, status: reply.status }, "answered");
  if (!outgoing.destroyed) sendReply(reply, outgoing, exchange.id);
}

function acceptedEncodings({ headers }: Incoming): string | undefined {
  return headers["accept-encoding"] as string | undefined;
}

/** Answers with events. @throws what went wrong before the first */
async function goOn(
  reply: EventReply,
  route: AnyRoute,
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  { exchanges, logger }: RouteOptions,
): Promise<void> {
  if (incoming.method === "HEAD") {
    await reply.watched.close();
    return sendReply(
      { ...reply, headers: { ...reply.headers, "content-type": reply.format.contentType } },
      outgoing,
      exchange.id,
    );
  }
  const call = route.doc.operationId ?? route.path;
  await sendEvents(reply, outgoing, {
    exchanges,
    requestId: exchange.id,
    known: (error) => toKnownFailure(reasonIn(error, exchange), { requestId: exchange.id, call, logger }),
  });
  logger.debug({ requestId: exchange.id, call, status: reply.status }, "answered");
}

async function callOf(
  route: AnyRoute,
  incoming: Incoming,
  exchange: Exchange,
  { exchanges, access, maxRequestBytes }: RouteOptions,
): Promise<Omit<HttpCall<unknown, unknown>, "service">> {
  if (route.always !== true) exchanges.checkOpen();
  // Judged before anything else is told or read.
  const admitted = route.always === true ? {} : { service: access.serviceFor(incoming.headers.authorization) };
  const { path, query } = splitTarget(incoming.url ?? "");
  return {
    ...admitted,
    query: validated(route.query, parseQuery(query), "the query"),
    body: await bodyOf(route, incoming, exchange, maxRequestBytes),
    segments: path.split("/").slice(1),
    header: (name) => {
      const value = incoming.headers[name];
      return typeof value === "string" ? value : undefined;
    },
    get signal() {
      return exchange.signal;
    },
  };
}

async function bodyOf(
  { body: rule }: AnyRoute,
  incoming: Incoming,
  exchange: Exchange,
  maxRequestBytes: number,
): Promise<unknown> {
  if (rule === undefined) return undefined;
  const isJson = "json" in rule;
  const contentType = incoming.headers["content-type"];
  if (isJson && (!rule.optional || contentType !== undefined)) requireJson(contentType);
  const bytes = await readBody(incoming, exchange, maxRequestBytes);
  if (!isJson) return bytes;
  if (rule.optional && bytes.length === 0) return {};
  requireJson(contentType);
  return validated(rule.json, parseJson(bytes), "the body");
}

function failureReply(error: unknown, route: AnyRoute, exchange: Exchange, options: RouteOptions): Reply {
  if (error instanceof HttpFailure) return error.reply;
  const reason = reasonIn(error, exchange);
  const call = route.doc.operationId ?? route.path;
  const failure = toKnownFailure(reason, { requestId: exchange.id, call, logger: options.logger });
  return problemReply(failure, { call: route.call, retryAfterSeconds: options.exchanges.retryAfterSeconds });
}

/** Stores only say that they were cancelled; the signal knows whether the client left or the server is closing. */
function reasonIn(error: unknown, { signal }: Exchange): unknown {
  return isKvtsError(error, "CANCELLED") && signal.aborted ? signal.reason : error;
}
