import { abortable, type CallOptions, isErrorCode, KvtsError } from "@kvts/common";
import { readTarget, type TargetOptions } from "../options/target.ts";
import { detectFace, type Face } from "./detect-face.ts";
import { openDirectory } from "./open-directory.ts";

/** What can be asked of a store besides reading and writing. */
export type UpkeepTask = "flush" | "compact";

/**
 * Has the store that the options name do a task, and waits until it is done.
 * @throws CANCELLED once the call's signal has fired
 */
export async function runUpkeep(task: UpkeepTask, options: TargetOptions, call: CallOptions): Promise<void> {
  const target = readTarget(options);
  if ("url" in target) return await askServer(task, target.url, await detectFace(target.url), call);
  await using store = await openDirectory(target.directory, "read");
  await abortable(store[task](), call.signal);
}

/** Both faces serve the admin service in the Connect protocol, each over its version of HTTP. */
async function askServer(task: UpkeepTask, url: URL, face: Face, { signal }: CallOptions): Promise<void> {
  const { AdminService } = await import("@kvts/api");
  const { createClient } = await import("@connectrpc/connect");
  const { createConnectTransport, Http2SessionManager } = await import("@connectrpc/connect-node");
  const baseUrl = url.href.replace(/\/+$/, "");
  const sessions = new Http2SessionManager(baseUrl);
  const transport =
    face === "grpc"
      ? createConnectTransport({ baseUrl, httpVersion: "2", sessionManager: sessions })
      : createConnectTransport({ baseUrl, httpVersion: "1.1" });
  try {
    await createClient(AdminService, transport)[task]({}, signal === undefined ? {} : { signal });
  } catch (error) {
    throw await serverError(error);
  } finally {
    sessions.abort();
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
