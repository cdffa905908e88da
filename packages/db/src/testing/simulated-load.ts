import { keysApart } from "../compaction/appending.ts";
import { type PickableTable, type PickerSettings, pickCompaction } from "../compaction/picker.ts";

/** Bytes of one flush, by key: index and bytes, ascending by index. */
export type FlushBytes = ReadonlyMap<number, number>;

export interface SimulationOptions {
  readonly picker: PickerSettings;
  readonly tableBytesMax: number;
  /** Flushes between two times that compaction catches up: 1 where it always keeps pace. */
  readonly flushesBehind: number;
}

interface SimulatedTable extends PickableTable {
  readonly bytesByKey: FlushBytes;
}

/**
 * What flushes and compactions would write for a load, without writing it: a table is so many bytes by key, a merge adds
 * them up, and the picker decides what is merged. No version is ever dropped.
 */
export class SimulatedLoad {
  /** Bytes written by flushes and by merges. */
  flushedBytes = 0;
  mergedBytes = 0;
  readonly levels: SimulatedTable[][] = Array.from({ length: 7 }, () => []);
  readonly #options: SimulationOptions;
  readonly #resumeKeys: (Uint8Array | undefined)[] = [];
  #flushes = 0;
  #nextNumber = 1;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  /** Bytes written for a byte that was flushed. */
  get amplification(): number {
    return (this.flushedBytes + this.mergedBytes) / this.flushedBytes;
  }

  get tableCount(): number {
    return this.levels.flat().length;
  }

  /** @param versionsPerKey of the keys in it, about. */
  flush(bytesByKey: FlushBytes, versionsPerKey: number): void {
    const keys = [...bytesByKey.keys()];
    const bytes = sum(bytesByKey.values());
    const apart = keysApart(this.levels.flat(), {
      smallest: keyOf(keys[0]!),
      largest: keyOf(keys.at(-1)!),
      bytes,
      keyCount: keys.length,
      entryCount: keys.length * versionsPerKey,
    });
    this.levels[0]!.push(...this.#tablesOf(bytesByKey, bytes, new Set(apart.map(indexOf))));
    this.flushedBytes += bytes;
    if (++this.#flushes % this.#options.flushesBehind === 0) this.#compact();
  }

  #compact(): void {
    const { levels } = this;
    for (let pick = this.#pick(); pick !== undefined; pick = this.#pick()) {
      const { inputs, outputLevel, move, resumeKey } = pick;
      const outputs = move ? inputs : this.#merge(inputs);
      for (const [level, tables] of levels.entries()) levels[level] = tables.filter((table) => !inputs.includes(table));
      const merged = [...levels[outputLevel]!, ...outputs];
      levels[outputLevel] = merged.sort((a, b) => indexOf(a.smallest) - indexOf(b.smallest));
      this.#resumeKeys[outputLevel - 1] = resumeKey;
    }
  }

  #pick(): ReturnType<typeof pickCompaction<SimulatedTable>> {
    return pickCompaction(this.levels, this.#options.picker, this.#resumeKeys);
  }

  #merge(inputs: readonly SimulatedTable[]): SimulatedTable[] {
    const merged = new Map<number, number>();
    for (const { bytesByKey } of inputs) {
      for (const [key, bytes] of bytesByKey) merged.set(key, (merged.get(key) ?? 0) + bytes);
    }
    this.mergedBytes += sum(merged.values());
    return this.#tablesOf(new Map([...merged].sort(([a], [b]) => a - b)), this.#options.tableBytesMax);
  }

  #tablesOf(bytesByKey: FlushBytes, bytesMax: number, apart: ReadonlySet<number> = new Set()): SimulatedTable[] {
    const tables: SimulatedTable[] = [];
    let open = new Map<number, number>();
    let openBytes = 0;
    const close = (): void => {
      if (open.size > 0) tables.push(this.#table(open, openBytes));
      open = new Map();
      openBytes = 0;
    };
    for (const [key, bytes] of bytesByKey) {
      if (apart.has(key)) close();
      open.set(key, bytes);
      openBytes += bytes;
      if (apart.has(key) || openBytes >= bytesMax) close();
    }
    close();
    return tables;
  }

  #table(bytesByKey: FlushBytes, fileBytes: number): SimulatedTable {
    const keys = [...bytesByKey.keys()];
    const number = this.#nextNumber++;
    return {
      number,
      fileBytes,
      entryCount: keys.length,
      smallest: keyOf(keys[0]!),
      largest: keyOf(keys.at(-1)!),
      minSeq: number,
      maxSeq: number,
      bytesByKey,
    };
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

/** Keys in the order of their indexes. */
function keyOf(index: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, index);
  return key;
}

function indexOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0);
}
