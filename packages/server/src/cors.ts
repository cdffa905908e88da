import { cors as connectCors } from "@connectrpc/connect";
import type { Incoming, Outgoing } from "./exchanges.ts";
import type { Reply } from "./http/reply.ts";

/** Pages of other addresses that browsers may let call this server. */
export interface Cors {
  allows(origin: string): boolean;
  /** Tells the browser what its page may see of the answer; gives the whole answer where it only asks for leave. */
  grant(incoming: Incoming, outgoing: Outgoing, origin: string): Reply | undefined;
}

const methods = "GET, HEAD, PUT, POST, DELETE";
const requestHeaders = [
  ...connectCors.allowedHeaders,
  "Accept",
  "Authorization",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Last-Event-ID",
].join(", ");
const answerHeaders = [
  ...connectCors.exposedHeaders,
  "Allow",
  "ETag",
  "Kvts-Deleted-At",
  "Kvts-Expires-At",
  "Kvts-Request-Id",
  "Kvts-Seq",
  "Kvts-Timestamp",
  "Retry-After",
  "WWW-Authenticate",
].join(", ");
/** How long a browser may remember its leave. */
const maxAgeSeconds = "7200";

/** @param origins as browsers write them, `https://shop.example`; `*` for any */
export function createCors(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  const anyOrigin = allowed.has("*");
  return {
    allows: (origin) => anyOrigin || allowed.has(origin),
    grant(incoming, outgoing, origin) {
      outgoing.setHeader("access-control-allow-origin", origin);
      outgoing.setHeader("access-control-expose-headers", answerHeaders);
      if (incoming.method !== "OPTIONS" || incoming.headers["access-control-request-method"] === undefined) {
        return undefined;
      }
      const headers = {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": requestHeaders,
        "access-control-max-age": maxAgeSeconds,
        vary: "Origin",
      };
      return { status: 204, headers, body: undefined };
    },
  };
}
