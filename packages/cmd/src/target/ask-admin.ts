import type { Client, CallOptions as ConnectCallOptions } from "@connectrpc/connect";
import type { AdminService } from "@kvts/api";
import { type CallOptions, isErrorCode, KvtsError } from "@kvts/common";
import { CommandError } from "../failure.ts";
import type { ServerTarget } from "../options/target.ts";
import { detectFace } from "./detect-face.ts";

/**
 * Asks the admin service of a server, which both of its faces serve in the Connect protocol, each over its version of HTTP.
 * @throws KvtsError as the server said it
 */
export async function askAdmin<T>(
  { url, token, tls = {} }: ServerTarget,
  ask: (admin: Client<typeof AdminService>, options: ConnectCallOptions) => Promise<T>,
  { signal }: CallOptions = {},
): Promise<T> {
  const face = await detectFace(url, tls);
  const { AdminService } = await import("@kvts/api");
  const { createClient } = await import("@connectrpc/connect");
  const { createConnectTransport, Http2SessionManager } = await import("@connectrpc/connect-node");
  const baseUrl = url.href.replace(/\/+$/, "");
  const nodeOptions = Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined));
  const sessionManager = new Http2SessionManager(baseUrl, undefined, nodeOptions);
  const transport =
    face === "grpc"
      ? createConnectTransport({ baseUrl, httpVersion: "2", sessionManager })
      : createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions });
  const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
  try {
    return await ask(createClient(AdminService, transport), { ...(signal && { signal }), ...(headers && { headers }) });
  } catch (error) {
    // What goes wrong on this side is told as it is.
    throw error instanceof CommandError ? error : await serverError(error);
  } finally {
    sessionManager.abort();
  }
}

/** The store's own error out of what the protocol made of it. */
async function serverError(error: unknown): Promise<KvtsError> {
  const { Code, ConnectError } = await import("@connectrpc/connect");
  const { ErrorInfoSchema } = await import("@kvts/api");
  const failure = ConnectError.from(error);
  if (failure.code === Code.Canceled) return new KvtsError("CANCELLED", failure.rawMessage, { cause: error });
  const [info] = failure.findDetails(ErrorInfoSchema);
  const code = info !== undefined && isErrorCode(info.reason) ? info.reason : "UNAVAILABLE";
  return new KvtsError(code, failure.rawMessage, { cause: error, details: info?.metadata ?? {} });
}
