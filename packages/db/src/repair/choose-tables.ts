import type { TableProvenance } from "../table/properties.ts";

/** A table file, and what it says of itself. */
export interface FoundTable {
  readonly number: number;
  /** Undefined where it cannot be read. */
  readonly provenance: TableProvenance | undefined;
  /** Seq of all its versions, where it is part of an ingest. */
  readonly ingestSeq?: number | undefined;
  /** All of it is whole. */
  readonly isSound: boolean;
}

/** What to do with a table file when nothing but the files themselves tells which of them count. */
export type TableChoice =
  /** It counts. */
  | "use"
  /** Others hold what it holds, without what has been dropped since. */
  | "replaced"
  /** The merge that wrote it did not come to its end, and what it was made from is all there. */
  | "unfinished"
  /** It is part of an ingest of which other parts are missing, and nothing tells that it had come to its end. */
  | "partial";

type ReadTable = FoundTable & { readonly provenance: TableProvenance };

/**
 * Which of the tables in a directory make up the store. A merge's outputs take the place of its inputs once all of them
 * are there, in a sound state; until then the inputs count. Inputs may outlast that moment, even while the outputs are
 * merged on: a table written meanwhile names them as obsolete. An ingest counts as a whole or not at all.
 */
export function chooseTables(found: readonly FoundTable[]): Map<number, TableChoice> {
  const read = found.filter((table): table is ReadTable => table.provenance !== undefined);
  const sound = new Map(read.filter(({ isSound }) => isSound).map((table) => [table.number, table]));
  const obsolete = new Set(read.flatMap(({ provenance }) => provenance.obsolete));
  const finished = new Set<FoundTable>(read.filter((table) => hasAllSisters(table, sound)));
  const replaced = new Set(read.filter((table) => finished.has(table)).flatMap(({ provenance }) => provenance.inputs));
  return new Map(
    found.map((table) => {
      if (obsolete.has(table.number) || replaced.has(table.number)) return [table.number, "replaced"];
      if (table.ingestSeq !== undefined && !isIngested(table as ReadTable, read, found))
        return [table.number, "partial"];
      const inputs = table.provenance?.inputs ?? [];
      // A sister that is missing because it was merged on would have left its inputs named as obsolete.
      const hasInputs = inputs.length > 0 && inputs.every((input) => sound.has(input) && !obsolete.has(input));
      return [table.number, hasInputs && !finished.has(table) ? "unfinished" : "use"];
    }),
  );
}

/** Whether every table that the same merge wrote is there, from the first to the one that says it is the last. */
function hasAllSisters({ provenance }: ReadTable, sound: ReadonlyMap<number, ReadTable>): boolean {
  const { firstOutput } = provenance;
  for (let number = firstOutput; ; number++) {
    const sister = sound.get(number)?.provenance;
    if (sister === undefined || sister.firstOutput !== firstOutput) return false;
    if (sister.isLastOutput) return true;
  }
}

/**
 * Whether an ingest had come to its end: all its tables are there, but for those that have been merged since, or a table
 * that was begun later counts its seqs among those given out.
 */
function isIngested(
  { provenance, ingestSeq }: ReadTable,
  read: readonly ReadTable[],
  found: readonly FoundTable[],
): boolean {
  const { firstOutput } = provenance;
  const isSister = (table: ReadTable) => table.ingestSeq !== undefined && table.provenance.firstOutput === firstOutput;
  if (read.some((table) => !isSister(table) && table.provenance.nextSeq > ingestSeq!)) return true;
  const last = read.find((table) => isSister(table) && table.provenance.isLastOutput);
  const merged = new Set(read.flatMap(({ provenance: { inputs, obsolete } }) => [...inputs, ...obsolete]));
  const sound = new Set(found.filter(({ isSound }) => isSound).map(({ number }) => number));
  if (last === undefined) return false;
  for (let number = firstOutput; number <= last.number; number++) {
    if (!sound.has(number) && !merged.has(number)) return false;
  }
  return true;
}
