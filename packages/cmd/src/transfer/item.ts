import type { Operation } from "@kvts/common";

/** An import writes values and tombstones of single keys. */
export type KeyOperation = Exclude<Operation, { readonly op: "deleteRange" }>;

/** What a file to import holds, one after the other. */
export type ImportItem = ImportedVersion | BadLine;

/** A line that can be written. */
export interface ImportedVersion {
  readonly line: number;
  readonly operation: KeyOperation;
  /** Bytes of key and value, about. */
  readonly bytes: number;
}

/** A line that cannot, or a flaw of the file as a whole. */
export interface BadLine {
  readonly line: number;
  readonly operation?: undefined;
  readonly code: string;
  readonly reason: string;
}

/** A file to import, as it is read: the items of each piece together. */
export type ImportSource = AsyncIterable<readonly ImportItem[]>;

/** The same source with its first piece read already: what is wrong with a file as a whole shows before it is needed. */
export async function begun(source: AsyncGenerator<readonly ImportItem[]>): Promise<ImportSource> {
  const first = await source.next();
  return (async function* () {
    if (first.done === true) return;
    yield first.value;
    yield* source;
  })();
}
