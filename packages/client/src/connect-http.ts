import type { Fetch } from "./http/exchange.ts";
import { HttpWire } from "./http/wire.ts";
import { type ClientOptions, checkOptions } from "./options.ts";
import { createRemoteStore } from "./remote-store.ts";
import type { ServedStore } from "./served-store.ts";
import { checkUrl } from "./url.ts";

export interface HttpClientOptions extends ClientOptions {
  /** What requests are sent with, in place of the platform's `fetch`. */
  readonly fetch?: Fetch | undefined;
}

/**
 * A client of a server's HTTP port, such as `http://127.0.0.1:3000`. Needs nothing but `fetch`, so it runs in browsers
 * too, on pages that come from the server's own address.
 * @throws INVALID_ARGUMENT for a URL or option that cannot be meant; what goes wrong later rejects the call it befalls
 */
export function connectHttp(url: string | URL, options: HttpClientOptions = {}): ServedStore {
  const settings = checkOptions(options, { fetch: true });
  // Called as a plain function, as browsers want it, and looked up late, so that what replaces it is found.
  const fetch = options.fetch ?? ((target: string, init: RequestInit) => globalThis.fetch(target, init));
  const headers = new Headers(settings.headers);
  // To compress and expand costs more than it saves, other than over slow networks. Browsers decide by themselves.
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  return createRemoteStore(new HttpWire(checkUrl(url, "http://127.0.0.1:3000"), headers, fetch), settings);
}
