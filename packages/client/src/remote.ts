import type { Caller } from "./caller.ts";
import type { Settings } from "./options.ts";
import type { RemoteWatch } from "./remote-watch.ts";
import type { RequestNames } from "./request-names.ts";
import type { Runtime } from "./runtime.ts";
import type { Wire } from "./wire.ts";

/** What all views of one client share. */
export interface Remote {
  readonly wire: Wire;
  readonly caller: Caller;
  readonly runtime: Runtime;
  /** Microseconds, for relative times. */
  readonly now: () => number;
  /** Undefined where nothing is sent twice. */
  readonly names: RequestNames | undefined;
  /** The snapshots that are open, to be closed with the client. */
  readonly snapshots: Set<{ close(): Promise<void> }>;
  readonly settings: Settings;
  /** Watches that are open: they go on until they are closed. */
  readonly watches: Set<RemoteWatch>;
}
