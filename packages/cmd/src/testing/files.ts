import type { Store } from "@kvts/common";
import type { ByteStore } from "../target/use-store.ts";
import { allVersions } from "../transfer/all-versions.ts";
import { exportAll } from "../transfer/export-all.ts";
import type { FileFormat } from "../transfer/file-format.ts";
import { type ImportOptions, type ImportResult, importAll } from "../transfer/import-all.ts";
import type { BadLine, ImportSource } from "../transfer/item.ts";
import { readCsv } from "../transfer/read-csv.ts";
import { readNdjson } from "../transfer/read-ndjson.ts";
import { versionFormats } from "../transfer/version-format.ts";

const never = new AbortController().signal;

/** What a file with everything in the store holds. */
export async function exportText(store: Store<string>, format: FileFormat): Promise<string> {
  const parts: Uint8Array[] = [];
  const sink = async (bytes: Uint8Array): Promise<void> => {
    parts.push(bytes);
  };
  const explain = (error: unknown): never => {
    throw error;
  };
  const versions = allVersions(store.with({ keys: "bytes" }), {}, never);
  await exportAll(versions, versionFormats[format], sink, { onProgress() {}, explain });
  return Buffer.concat(parts).toString();
}

export interface Imported extends ImportResult {
  readonly bad: readonly BadLine[];
}

/** Imports a text as a file that arrives in small chunks. */
export function importText(
  store: Store<string>,
  text: string | Uint8Array,
  format: FileFormat,
  options: Partial<ImportOptions> & { readonly partial?: boolean } = {},
): Promise<Imported> {
  const chunks = chunksOf(typeof text === "string" ? Buffer.from(text) : text);
  const csv = {
    keyColumn: undefined,
    keyTemplate: undefined,
    timestampColumn: undefined,
    valueColumn: undefined,
    readTimestamp: Number,
    delimiter: 0x2c,
  };
  const { partial = false, ...others } = options;
  const source = format === "csv" ? readCsv(chunks, csv) : readNdjson(chunks, { partial });
  return importSource(store.with({ keys: "bytes" }), source, others);
}

export async function importSource(
  store: ByteStore,
  source: ImportSource,
  options: Partial<ImportOptions> = {},
): Promise<Imported> {
  const bad: BadLine[] = [];
  const onBadLine = (line: BadLine): void => {
    bad.push(line);
  };
  const defaults: ImportOptions = { strict: false, fromLine: 1, signal: never, onBadLine, onProgress() {} };
  return { ...(await importAll(store, source, { ...defaults, ...options })), bad };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}
