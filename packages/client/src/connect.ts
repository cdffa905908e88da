import type { Store } from "@kvts/common";
import { GrpcWire } from "./grpc/wire.ts";
import { type ClientOptions, checkOptions } from "./options.ts";
import { createRemoteStore } from "./remote-store.ts";
import { checkUrl } from "./url.ts";

/**
 * A client of a server's gRPC port, such as `http://127.0.0.1:50051`; `https` for TLS. Connects on first use.
 * @throws INVALID_ARGUMENT for a URL or option that cannot be meant; what goes wrong later rejects the call it befalls
 */
export function connect(url: string | URL, options: ClientOptions = {}): Store {
  const settings = checkOptions(options);
  return createRemoteStore(new GrpcWire(checkUrl(url, "http://127.0.0.1:50051"), settings), settings);
}
