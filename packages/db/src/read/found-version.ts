import { type Entry, type Key, makeEntry, makeTombstone, type Version } from "@kvts/common";
import {
  joinWords,
  KIND_DELETE,
  KIND_MASK,
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
import type { VersionRun } from "../format/version-run.ts";
import { type ExtentRef, extentOf } from "./extent-ref.ts";
import { copyValue } from "./value-pool.ts";
import type { Layer } from "./view.ts";

/** Something read that still lacks its value. */
export interface Incomplete<T> {
  readonly extent: ExtentRef;
  readonly complete: (value: Uint8Array) => T;
}

/** Something read that still lacks values, which are read one after the other. */
export interface Pending<T> {
  readonly extent: ExtentRef;
  readonly complete: (value: Uint8Array) => T | Pending<T>;
}

/** The word of record `index` of `run`. */
export function recordAt(run: VersionRun, index: number): number {
  return run.first + index * VERSION_WORDS;
}

/** The timestamp of record `index` of `run`, in microseconds. */
export function timestampAt(run: VersionRun, index: number): number {
  const at = recordAt(run, index);
  return joinWords(run.i32[at]!, run.i32[at + TS_LO]!);
}

/** `expiresAt` of record `at`, or undefined. */
export function expiryAt(run: VersionRun, at: number): number | undefined {
  if ((run.i32[at + META]! & META_EXPIRES) === 0) return undefined;
  const word = (run.base + run.i32[at + POINTER]!) >>> 2;
  return joinWords(run.i32[word]!, run.i32[word + 1]!);
}

/** Whether record `index` of `run` shows a value at `moment`; the clock is asked only where the record expires. */
export function isVisible(run: VersionRun, index: number, moment: () => number): boolean {
  const at = run.first + index * VERSION_WORDS;
  const meta = run.i32[at + META]!;
  if ((meta & KIND_MASK) === KIND_DELETE) return false;
  if ((meta & META_EXPIRES) === 0) return true;
  return expiryAt(run, at)! > moment();
}

/** The entry at record `index` of `run`, a put; without its value where that lies in an extent. */
export function entryAt<K extends Key>(
  run: VersionRun,
  index: number,
  layer: Layer,
  key: K,
): Entry<K> | Incomplete<Entry<K>> {
  const i32 = run.i32;
  const at = run.first + index * VERSION_WORDS;
  const meta = i32[at + META]!;
  const timestamp = joinWords(i32[at]!, i32[at + TS_LO]!);
  const seq = joinWords(i32[at + SEQ_HI]!, i32[at + SEQ_LO]!);
  const expiresAt = expiryAt(run, at);
  if ((meta & META_EXTENT) !== 0) {
    const extent = extentOf(layer, run, index);
    return { extent, complete: (value) => makeEntry({ key, value, timestamp, seq, expiresAt }) };
  }
  const offset = run.base + i32[at + POINTER]! + (expiresAt === undefined ? 0 : 8);
  const value = copyValue(i32, run.u8, offset, meta >>> META_LENGTH_SHIFT);
  return makeEntry({ key, value, timestamp, seq, expiresAt });
}

/** The version at record `index` of `run`, a put or a delete. */
export function versionAt<K extends Key>(
  run: VersionRun,
  index: number,
  layer: Layer,
  key: K,
): Version<K> | Incomplete<Version<K>> {
  const at = run.first + index * VERSION_WORDS;
  if ((run.i32[at + META]! & KIND_MASK) !== KIND_DELETE) return entryAt(run, index, layer, key);
  const timestamp = joinWords(run.i32[at]!, run.i32[at + TS_LO]!);
  return makeTombstone(key, timestamp, joinWords(run.i32[at + SEQ_HI]!, run.i32[at + SEQ_LO]!));
}

export function isIncomplete<T extends object>(found: T | Incomplete<T>): found is Incomplete<T>;
export function isIncomplete<T extends object>(found: T | Pending<T>): found is Pending<T>;
export function isIncomplete(found: object): boolean {
  return "extent" in found;
}
