import type { HostedStore, Range, RestoreOptions, RestoreResult } from "@kvts/common";

/** Going back to how a range looked. */
export interface Restores {
  /** @param to microseconds */
  restore(range: Range, to: number, options: RestoreOptions): Promise<RestoreResult<Uint8Array>>;
}

export function createRestores(store: HostedStore<Uint8Array>): Restores {
  return { restore: (range, to, options) => store.restore(range, to, options) };
}
