import {
  joinWords,
  KIND_MASK,
  KIND_PUT,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { BlockDemand, FOUND, type Lookup, MISS, type VersionRun } from "../format/version-run.ts";
import type { Table } from "../table/table.ts";
import type { TableCursor } from "../table/table-cursor.ts";
import type { WrittenVersion } from "./memtable-writer.ts";

/** A version as {@link WrittenVersion} has it, without its key. */
export type ReadVersion = Omit<WrittenVersion, "key">;

/** How a test looks things up: at once, or loading what is missing and asking again, as the two kinds of reader do. */
export interface LookupMode {
  readonly name: string;
  /** Asks until the answer is no MISS. */
  ask(lookup: (demand: BlockDemand<Table>) => Lookup): Promise<Lookup>;
}

export const SYNC_MODE: LookupMode = {
  name: "at once",
  ask: (lookup) => {
    const answer = lookup(new BlockDemand<Table>(true));
    return answer === MISS ? Promise.reject(new Error("a synchronous lookup answered MISS")) : Promise.resolve(answer);
  },
};

export const ASYNC_MODE: LookupMode = {
  name: "loading",
  ask: async (lookup) => {
    const demand = new BlockDemand<Table>(false);
    let held: { release(): void } | undefined;
    // Each repetition gets one block further; a lookup needs the index and two blocks at most.
    for (let turn = 0; turn < 4; turn++) {
      const answer = lookup(demand);
      held?.release();
      if (answer !== MISS) return answer;
      held = await demand.table!.load(demand.block);
    }
    throw new Error("a lookup never found the block that it asked for");
  },
};

/** A copy of record `index` of a run, its value read from wherever it lies. */
export async function readVersion(table: Table, run: VersionRun, index: number): Promise<ReadVersion> {
  const { i32, u8, base } = run;
  const at = run.first + index * VERSION_WORDS;
  const meta = i32[at + META]!;
  const kind = meta & KIND_MASK;
  let pointer = base + i32[at + POINTER]!;
  let expiresAt: number | undefined;
  if ((meta & META_EXPIRES) !== 0) {
    expiresAt = joinWords(i32[pointer >>> 2]!, i32[(pointer >>> 2) + 1]!);
    pointer += 8;
  }
  const inline = u8.slice(pointer, pointer + (meta >>> META_LENGTH_SHIFT));
  const version = {
    timestamp: joinWords(i32[at]!, i32[at + TS_LO]!),
    seq: joinWords(i32[at + SEQ_HI]!, i32[at + SEQ_LO]!),
    kind,
    expiresAt,
  };
  if (kind !== KIND_PUT) return version;
  return { ...version, value: (meta & META_EXTENT) === 0 ? inline : await table.extentAt(run, index).read() };
}

/** All versions of `run`. */
export async function readRun(table: Table, run: VersionRun): Promise<ReadVersion[]> {
  const versions: ReadVersion[] = [];
  for (let index = 0; index < run.count; index++) versions.push(await readVersion(table, run, index));
  return versions;
}

/** All versions of the key that `run` belongs to: to the oldest run, and from there on. */
export async function readGroup(table: Table, run: VersionRun, mode: LookupMode): Promise<ReadVersion[]> {
  while ((await mode.ask((demand) => table.previousRun(run, demand))) === FOUND);
  const versions: ReadVersion[] = [];
  do versions.push(...(await readRun(table, run)));
  while ((await mode.ask((demand) => table.nextRun(run, demand))) === FOUND);
  run.release();
  return versions;
}

/** A copy of the cursor's key. */
export function cursorKey(cursor: TableCursor): Uint8Array {
  const at = cursor.keyI32.byteOffset + cursor.keyWord * 4;
  return new Uint8Array(cursor.keyI32.buffer, at, cursor.keyLength).slice();
}
