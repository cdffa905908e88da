/** For keys with `prefix`, as far as no longer prefix has a horizon of its own: history below it is not kept. */
export interface Horizon {
  readonly prefix: Uint8Array;
  /** Microseconds. Versions from here on are all kept, and the newest below. */
  readonly timestamp: number;
}

/** How long the history of keys with `prefix` is kept, as far as no longer prefix has a policy of its own. */
export interface Policy {
  readonly prefix: Uint8Array;
  /** Microseconds; undefined for ever. */
  readonly keepFor: number | undefined;
}

/** What a store keeps of retention. Every policy has a horizon of the same prefix; a horizon may outlive its policy. */
export interface RetentionState {
  readonly policies: readonly Policy[];
  readonly horizons: readonly Horizon[];
}

export const NO_RETENTION: RetentionState = { policies: [], horizons: [] };
