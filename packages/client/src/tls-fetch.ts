import { Agent, request } from "node:https";
import { Readable } from "node:stream";
import type { Fetch } from "./http/exchange.ts";
import { type ClientTlsOptions, secureOptions } from "./tls.ts";

/** Statuses whose answers have no body, not even an empty one. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` for `connectHttp` that trusts, and shows, what `tls` says: the platform's own cannot be told. It knows as much
 * of `fetch` as the client uses.
 * @throws INVALID_ARGUMENT for certificates and keys that cannot be used
 */
export function tlsFetch(tls: ClientTlsOptions): Fetch {
  const agent = new Agent({ ...secureOptions(tls), keepAlive: true });
  return (url, { method = "GET", headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sent = request(url, {
        agent,
        method,
        headers: Object.fromEntries(new Headers(headers)),
        ...(signal != null && { signal }),
      });
      sent.once("error", (error) => reject(signal?.aborted === true ? signal.reason : error));
      sent.once("response", (answer) => {
        const status = answer.statusCode!;
        const lines = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
          values.map((value): [string, string] => [name, value]),
        );
        const content = bodiless.has(status) ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
        if (content === null) answer.resume();
        resolve(new Response(content, { status, headers: lines }));
      });
      sent.end(body);
    });
}
