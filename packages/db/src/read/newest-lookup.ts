import { KeyBuffer } from "../format/key-buffer.ts";
import { joinWords, KIND_DELETE, KIND_MASK, SEQ_HI, SEQ_LO, TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { BlockDemand, FOUND, MISS } from "../format/version-run.ts";
import type { Table } from "../table/table.ts";
import { BestVersion } from "./best-version.ts";
import { Bounds } from "./bounds.ts";
import { expiryAt } from "./found-version.ts";
import { findPoint } from "./point-read.ts";
import type { View } from "./view.ts";

const KEY = new KeyBuffer();
const BEST = new BestVersion();
const BOUNDS = new Bounds(undefined, 0);
const DEMAND: BlockDemand<Table> = new BlockDemand<Table>(false);

/** A key's newest version without its value. */
export interface FoundNewest {
  readonly timestamp: number;
  readonly seq: number;
  readonly isTombstone: boolean;
  /** Microseconds; undefined where it does not expire. */
  readonly expiresAt: number | undefined;
}

/**
 * Looks up newest versions for one conditional write, in memory and cache alone, always on the newest view. What is not
 * there is noted; `load` fetches it, and holds on to it until `release`, so that looking again finds it.
 */
export class NewestLookup {
  readonly #view: () => View;
  readonly #missing: { readonly table: Table; readonly block: number }[] = [];
  readonly #held: { release(): unknown }[] = [];
  readonly #views: View[] = [];

  constructor(view: () => View) {
    this.#view = view;
  }

  /** Whether something was missing since the last `load`. */
  get lacksBlocks(): boolean {
    return this.#missing.length > 0;
  }

  /** The newest version of a key up to `asOf`, where that is given, among those up to `seq`. */
  find(key: Uint8Array, asOf: number | undefined, seq: number): FoundNewest | undefined | typeof MISS {
    KEY.setBytes(key);
    const view = this.#view();
    try {
      const lookup = findPoint(view, KEY, BOUNDS.set(asOf, seq), BEST, DEMAND);
      if (lookup === MISS) {
        this.#missing.push({ table: DEMAND.table!, block: DEMAND.block });
        // At once: its tables stay open as long as a view names them, and a merge may end before they are read.
        if (this.#views.at(-1) !== view) this.#views.push(view.acquire());
        return MISS;
      }
      return lookup === FOUND ? found(BEST) : undefined;
    } finally {
      BEST.release();
    }
  }

  /** Reads what was missing, through the thread pool. */
  async load(): Promise<void> {
    const loads = this.#missing.splice(0).map(({ table, block }) => table.load(block));
    for (const loaded of await Promise.allSettled(loads)) {
      if (loaded.status === "fulfilled") this.#held.push(loaded.value);
    }
    await Promise.all(loads);
  }

  release(): void {
    for (const block of this.#held.splice(0)) block.release();
    for (const view of this.#views.splice(0)) view.release();
  }
}

function found({ run, index, meta }: BestVersion): FoundNewest {
  const at = run.first + index * VERSION_WORDS;
  const i32 = run.i32;
  return {
    timestamp: joinWords(i32[at]!, i32[at + TS_LO]!),
    seq: joinWords(i32[at + SEQ_HI]!, i32[at + SEQ_LO]!),
    isTombstone: (meta & KIND_MASK) === KIND_DELETE,
    expiresAt: expiryAt(run, at),
  };
}
