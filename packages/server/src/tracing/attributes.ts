import type { DescMethod } from "@bufbuild/protobuf";
import { type GrpcStatus, grpcStatusOf, isErrorCode } from "@kvts/common";
import type { Attributes } from "@opentelemetry/api";
import type { Carrier } from "./call-trace.ts";

/** A span to be, in the terms of OpenTelemetry's semantic conventions. */
export interface Described {
  readonly name: string;
  readonly attributes: Attributes;
  /** The server is to blame, not the caller. */
  readonly isFailure: boolean;
}

/** By the conventions these are a server's failures; all other statuses are the caller's. */
const serverFailures: ReadonlySet<GrpcStatus> = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

/** @param code `OK`, or that of an error */
export function describeRpc({ parent, name }: DescMethod, carrier: Carrier, code: string): Described {
  const method = `${parent.typeName}/${name}`;
  const isGrpc = (carrier["content-type"] ?? "").startsWith("application/grpc");
  const status = statusOf(code);
  const isFailure = serverFailures.has(status);
  const attributes = {
    "rpc.system.name": isGrpc ? "grpc" : "connectrpc",
    "rpc.method": method,
    "rpc.response.status_code": isGrpc ? status : connectNameOf(status),
    ...(isFailure && { "error.type": status }),
    ...kvtsCode(code),
  };
  return { name: method, attributes, isFailure };
}

/** @param status undefined where none was sent */
export function describeHttp(
  verb: string,
  route: string | undefined,
  status: number | undefined,
  code: string,
): Described {
  const isFailure = (status ?? 0) >= 500;
  const attributes = {
    "http.request.method": verb,
    ...(route !== undefined && { "http.route": route }),
    ...(status !== undefined && { "http.response.status_code": status }),
    ...(isFailure && { "error.type": String(status) }),
    ...kvtsCode(code),
  };
  return { name: route === undefined ? verb : `${verb} ${route}`, attributes, isFailure };
}

/** Whom a client called, and what it says it is. */
export function callerAttributes(carrier: Carrier): Attributes {
  const authority = String(carrier[":authority"] ?? carrier.host ?? "");
  const [, address, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(authority)!;
  return {
    ...(address !== "" && { "server.address": address }),
    ...(port !== undefined && { "server.port": Number(port) }),
    ...(carrier["user-agent"] !== undefined && { "user_agent.original": carrier["user-agent"] }),
  };
}

function kvtsCode(code: string): Attributes {
  return code === "OK" ? {} : { "kvts.code": code };
}

function statusOf(code: string): GrpcStatus {
  if (code === "OK") return "OK";
  return isErrorCode(code) ? grpcStatusOf(code, { call: "read" }) : "UNKNOWN";
}

/** As Connect writes them: `not_found`. */
function connectNameOf(status: GrpcStatus): string {
  return status === "CANCELLED" ? "canceled" : status.toLowerCase();
}
