import type { HostedStore, RetentionOptions, RetentionPolicy, RetentionResult } from "@kvts/common";

/** Policies of retention. */
export interface Retention {
  /** @param keepFor microseconds; `null` for ever */
  setRetention(prefix: Uint8Array, keepFor: number | null, options: RetentionOptions): Promise<RetentionResult>;
  deleteRetention(prefix: Uint8Array, options: RetentionOptions): Promise<RetentionResult>;
  listRetention(signal: AbortSignal): Promise<RetentionPolicy<Uint8Array>[]>;
}

export function createRetention(store: HostedStore<Uint8Array>): Retention {
  return {
    setRetention: (prefix, keepFor, options) => store.setRetention(prefix, keepFor, options),
    deleteRetention: (prefix, options) => store.deleteRetention(prefix, options),
    listRetention: (signal) => store.listRetention({ signal }),
  };
}
