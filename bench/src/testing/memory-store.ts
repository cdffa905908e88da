import type { OpenContender, Put, Row, SyncReads } from "../stores/contender.ts";

/** A store in memory that answers right, for tests to make lie. Versions are kept newest first. */
export class MemoryStore implements OpenContender {
  readonly #versions: Map<string, { timestamp: number; value: Uint8Array }[]> = new Map();
  readonly sync: SyncReads;

  /** @param lies replace some of its reads */
  constructor(lies: (truth: SyncReads) => Partial<SyncReads> = () => ({})) {
    const truth: SyncReads = {
      newest: (key) => this.#asOf(key, Number.MAX_SAFE_INTEGER),
      asOf: (key, moment) => this.#asOf(key, moment),
      history: (key) => (this.#versions.get(key) ?? []).map(({ value }) => value),
      scan: (start, end, moment) => this.#scan(start, end, moment),
    };
    this.sync = { ...truth, ...lies(truth) };
  }

  put({ key, timestamp, value }: Put): undefined {
    const others = (this.#versions.get(key) ?? []).filter((version) => version.timestamp !== timestamp);
    const all = [...others, { timestamp, value: Uint8Array.from(value) }];
    this.#versions.set(
      key,
      all.toSorted((a, b) => b.timestamp - a.timestamp),
    );
    return undefined;
  }

  async load(batches: readonly (readonly Put[])[]): Promise<void> {
    for (const put of batches.flat()) this.put(put);
  }

  async compact(): Promise<void> {}

  async close(): Promise<void> {}

  #asOf(key: string, moment: number): Uint8Array | undefined {
    return this.#versions.get(key)?.find(({ timestamp }) => timestamp <= moment)?.value;
  }

  #scan(start: string, end: string, moment: number): Row[] {
    const keys = [...this.#versions.keys()].filter((key) => key >= start && key < end).sort();
    return keys.flatMap((key) => {
      const value = this.#asOf(key, moment);
      return value === undefined ? [] : [{ key, value }];
    });
  }
}
