import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { KvService } from "@kvts/api";
import type { Guard } from "../guard.ts";
import type { FastCall, FastCallOptions } from "./fast-call.ts";
import { FastPipeline } from "./fast-pipeline.ts";
import { FastUnary } from "./fast-unary.ts";
import { FastWatch } from "./fast-watch.ts";
import type { UnaryMethod } from "./unary-methods.ts";

/** Takes a stream of HTTP/2 if it can, before anything has been made for it. */
export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

export interface FastPathOptions extends FastCallOptions {
  readonly guard: Guard;
}

type NewCall = (stream: ServerHttp2Stream, timeoutMs: number | undefined) => FastCall;

/** A deadline further away than this is none: a timer's longest delay. */
const timeoutMsMax = 2 ** 31 - 1;

/**
 * Serves plain gRPC calls of a few methods, Pipeline and Watch from HTTP/2's own streams: no Request, no Response, no async iterables, which
 * are nine tenths of what such a call costs otherwise, and of the memory of a watch. On the wire there is no difference. It takes only calls of which
 * it knows everything: those with compression, JSON, a page's Origin or an odd header are left to Connect.
 */
export function createFastPath(methods: readonly UnaryMethod[], options: FastPathOptions): StreamHandler {
  const { guard } = options;
  const { watch, pipeline } = KvService.method;
  const byPath = new Map<string, NewCall>(
    methods.map((method) => [pathOf(method.method), (...call) => new FastUnary(method, ...call, options)]),
  );
  byPath.set(pathOf(watch), (...call) => new FastWatch(watch, "read", ...call, options));
  byPath.set(pathOf(pipeline), (...call) => new FastPipeline(...call, options));
  return (stream, headers) => {
    const newCall = byPath.get(headers[":path"] ?? "");
    if (newCall === undefined || !isPlainCall(headers)) return false;
    // Whom the guard refuses is refused where all the others are.
    if (guard.check({ host: headers[":authority"] ?? headers.host, origin: undefined }) !== undefined) return false;
    const timeout = timeoutOf(headers);
    if (timeout === "invalid") return false;
    newCall(stream, timeout).start(headers);
    return true;
  };
}

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

function isPlainCall(headers: IncomingHttpHeaders): boolean {
  const { "content-type": type, "grpc-encoding": encoding } = headers;
  return (
    (type === "application/grpc" || type === "application/grpc+proto") &&
    headers[":method"] === "POST" &&
    (encoding === undefined || encoding === "identity") &&
    headers.origin === undefined &&
    headers.expect === undefined
  );
}

/** Milliseconds; undefined without a deadline. */
function timeoutOf({ "grpc-timeout": value }: IncomingHttpHeaders): number | "invalid" | undefined {
  if (value === undefined) return undefined;
  const { timeoutMs, error } = parseTimeout(String(value), Number.MAX_SAFE_INTEGER);
  if (error !== undefined || timeoutMs === undefined) return "invalid";
  return timeoutMs > timeoutMsMax ? undefined : timeoutMs;
}
