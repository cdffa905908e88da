import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { type Reader, resolveRange, type Store, type Version } from "@kvts/common";
import type { LocalReader } from "../db.ts";
import type { Model, ModelVersion } from "./model.ts";
import type { ModelHorizons } from "./model-retention.ts";

/** What tests read from: a store or a snapshot, keys as bytes. */
export interface TestReader extends Omit<LocalReader<Uint8Array>, "at">, Pick<Reader<Uint8Array>, "get" | "getMany"> {}

/** Everything that can be read, a line a version: what a whole store is compared by. */
export async function storeContents(reader: TestReader): Promise<string[]> {
  const lines: string[] = [];
  for await (const { key } of reader.scan({}, { includeDeleted: true })) {
    for (const version of reader.history(key)) lines.push(versionText(version));
  }
  return lines;
}

/** How many ranges have been deleted in a store. */
export async function deletedRanges(store: Store<Uint8Array>): Promise<number> {
  const { deletedRanges } = (await store.stats()) as { readonly deletedRanges?: { readonly count: number } };
  return deletedRanges!.count;
}

/** Everything that can be read of the model, in the same form. */
export function modelContents(model: Model, atSeq?: number, horizons?: ModelHorizons): string[] {
  const versions = model.scan(resolveRange({}), { now: 0, includeDeleted: true, atSeq, horizons });
  return versions.flatMap(({ key }) => model.history(key, { atSeq, horizons }).map(modelText));
}

/** The lines that only one of the two has, each marked; empty where they are the same. */
export function contentsDifference(found: readonly string[], expected: readonly string[]): string[] {
  const theirs = new Set(found);
  const ours = new Set(expected);
  const extra = found.filter((line) => !ours.has(line)).map((line) => `found, and should not be: ${line}`);
  const missing = expected.filter((line) => !theirs.has(line)).map((line) => `missing: ${line}`);
  const difference = [...extra, ...missing];
  if (difference.length > 0 || found.length === expected.length) return difference;
  return [`${found.length} versions instead of ${expected.length}`];
}

export function versionText(version: Version<Uint8Array> | undefined): string {
  if (version === undefined) return "nothing";
  const { key, timestamp, seq } = version;
  if (version.deleted) return lineOf("delete", key, timestamp, seq);
  return `${lineOf("put", key, timestamp, seq)} ${valueText(version.value, version.expiresAt)}`;
}

export function modelText(version: ModelVersion | undefined): string {
  if (version === undefined) return "nothing";
  const { op, key, timestamp, seq } = version;
  const line = lineOf(op, key, timestamp, seq);
  return version.op === "delete" ? line : `${line} ${valueText(version.value, version.expiresAt)}`;
}

function lineOf(op: string, key: Uint8Array, timestamp: number, seq: number): string {
  return `${bytesText(key)} @${timestamp} #${seq} ${op}`;
}

function valueText(value: Uint8Array, expiresAt: number | undefined): string {
  return expiresAt === undefined ? bytesText(value) : `${bytesText(value)} until ${expiresAt}`;
}

/** Short bytes as hex, long ones by length and checksum. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length <= 24) return `0x${Buffer.from(bytes).toString("hex")}`;
  return `[${bytes.length} bytes, ${crc32(bytes).toString(16)}]`;
}
