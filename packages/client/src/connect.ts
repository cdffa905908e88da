import { invalidArgument } from "@kvts/common";
import { GrpcWire } from "./grpc/wire.ts";
import { type ClientOptions, checkOptions } from "./options.ts";
import { createRemoteStore } from "./remote-store.ts";
import type { ServedStore } from "./served-store.ts";
import { type ClientTlsOptions, secureOptions } from "./tls.ts";
import { checkUrl } from "./url.ts";

export interface GrpcClientOptions extends ClientOptions {
  /** For `https` URLs. */
  readonly tls?: ClientTlsOptions | undefined;
}

/**
 * A client of a server's gRPC port, such as `http://127.0.0.1:50051`; `https` for TLS. Connects on first use.
 * @throws INVALID_ARGUMENT for a URL or option that cannot be meant; what goes wrong later rejects the call it befalls
 */
export function connect(url: string | URL, options: GrpcClientOptions = {}): ServedStore {
  const settings = checkOptions(options, { tls: true });
  const checked = checkUrl(url, "http://127.0.0.1:50051");
  if (options.tls !== undefined && !checked.startsWith("https:")) {
    throw invalidArgument(`tls is for https, and ${checked} is not; write https://`);
  }
  const wire = new GrpcWire(checked, settings, secureOptions(options.tls));
  return createRemoteStore(wire, settings);
}
