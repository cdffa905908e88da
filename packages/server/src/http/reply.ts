import { type OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Outgoing } from "../exchanges.ts";

/** What a route answers. */
export interface Reply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  /** Text goes out as UTF-8. */
  readonly body: string | Uint8Array | undefined;
}

/** On every answer: none of them is ever a page, whatever a browser would like to see in it. */
export const protection = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
} as const;

/** What every answer to a request has. */
export function commonHeaders(requestId: string): Record<string, string> {
  return { ...protection, "kvts-request-id": requestId };
}

export function jsonReply(body: unknown, headers: OutgoingHttpHeaders = {}): Reply {
  return jsonTextReply(JSON.stringify(body), headers);
}

/** A body that is JSON already. */
export function jsonTextReply(body: string, headers: OutgoingHttpHeaders = {}): Reply {
  return { status: 200, headers: { "content-type": "application/json", ...headers }, body };
}

/** Writes the reply out; for HEAD without its body. */
export function sendReply({ status, headers, body }: Reply, outgoing: Outgoing, requestId: string): void {
  const length = typeof body === "string" ? Buffer.byteLength(body) : (body?.length ?? 0);
  const withLength = status === 304 ? headers : { ...headers, "content-length": length };
  const all = { ...commonHeaders(requestId), ...withLength };
  if (body === undefined && !(outgoing instanceof ServerResponse)) {
    // Headers that end the answer: clients of gRPC look for its status there only in these.
    outgoing.stream.respond({ ":status": status, ...all }, { endStream: true });
    return;
  }
  if (outgoing instanceof ServerResponse) outgoing.writeHead(status, all);
  else outgoing.writeHead(status, all);
  if (body === undefined || outgoing.req.method === "HEAD") outgoing.end();
  else outgoing.end(body);
}
