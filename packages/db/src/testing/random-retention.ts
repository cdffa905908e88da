import { deepEqual, equal, rejects } from "node:assert/strict";
import { toHex } from "@kvts/common";
import type { KeyPool } from "./key-pool.ts";
import { horizonOf, movedHorizons } from "./model-retention.ts";
import type { Random } from "./random.ts";
import type { TestStore } from "./test-store.ts";

/** Policies at random, and whether what they do is what the model does; while no write is under way. */
export class RandomRetention {
  readonly #random: Random;
  readonly #store: TestStore;
  readonly #pool: KeyPool;
  readonly #timestamps: readonly number[];

  constructor(random: Random, store: TestStore, pool: KeyPool, timestamps: readonly number[]) {
    this.#random = random;
    this.#store = store;
    this.#pool = pool;
    this.#timestamps = timestamps;
  }

  /** Sets or takes away one policy; tells what. */
  async any(): Promise<string> {
    const random = this.#random;
    const key = random.pick(this.#pool.keys);
    const prefix = key.subarray(0, random.chance(0.3) ? 0 : random.below(Math.min(key.length, 9) + 1));
    const keepFor = this.#keepFor();
    await this.#tryOut(prefix, keepFor);
    const expected = this.#expected(prefix, keepFor);
    const result =
      keepFor === "none"
        ? await this.#store.db.deleteRetention(prefix)
        : await this.#store.db.setRetention(prefix, keepFor ?? null);
    equal(result.horizon, horizonOf(expected, toHex(prefix)), `the horizon of ${toHex(prefix)}`);
    this.#store.horizons();
    await this.#expectRefusal(key);
    return `retention of ${toHex(prefix)}: ${keepFor}`;
  }

  /** Mostly such that the horizon comes to lie at a version, or beside one. */
  #keepFor(): number | undefined | "none" {
    const random = this.#random;
    if (random.chance(0.2)) return random.chance(0.5) ? undefined : "none";
    const now = this.#store.clock.now();
    const near = random.pick(this.#timestamps.filter((timestamp) => timestamp <= now));
    return Math.max(0, now - Math.max(0, (near ?? 0) + random.between(-1, 2)));
  }

  #expected(prefix: Uint8Array, keepFor: number | undefined | "none"): Map<string, number> {
    const policies = new Map(this.#store.policies());
    if (keepFor === "none") policies.delete(toHex(prefix));
    else policies.set(toHex(prefix), keepFor);
    return movedHorizons(policies, this.#store.horizons(), this.#store.clock.now());
  }

  async #tryOut(prefix: Uint8Array, keepFor: number | undefined | "none"): Promise<void> {
    const { db, model } = this.#store;
    const before = this.#store.horizons();
    const expected = model.trimmedBy(toHex(prefix), this.#expected(prefix, keepFor));
    const { trimmed } =
      keepFor === "none"
        ? await db.deleteRetention(prefix, { dryRun: true })
        : await db.setRetention(prefix, keepFor ?? null, { dryRun: true });
    // A horizon may have moved by itself meanwhile.
    if (toText(before) === toText(this.#store.horizons())) deepEqual(trimmed, expected, "what would go");
  }

  async #expectRefusal(key: Uint8Array): Promise<void> {
    const horizon = horizonOf(this.#store.horizons(), toHex(key));
    if (horizon === 0) return;
    const timestamp = this.#random.chance(0.5) ? horizon - 1 : this.#random.below(horizon);
    await rejects(this.#store.db.put(key, "refused", { timestamp }), { code: "HISTORY_TRIMMED" });
  }
}

function toText(horizons: ReadonlyMap<string, number>): string {
  return JSON.stringify([...horizons]);
}
