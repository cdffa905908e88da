import {
  highWord,
  INLINE_VALUE_BYTES_MAX,
  KIND_PUT,
  lowWord,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import type { ExtentSource, MemoryExtent } from "../table/extent.ts";
import type { WrittenVersion } from "./memtable-writer.ts";

const GARBAGE = 0x5a5a5a5a;

/**
 * Lays out versions as a layer in memory would, with values in no order, words of garbage between them, and rests of
 * earlier contents behind their ends: whatever a builder copies too much of becomes visible.
 */
export class RunWriter implements ExtentSource {
  readonly #extents: Uint8Array[] = [];

  /**
   * A run of `versions`, which ascend by (timestamp, seq).
   * @param packed their values lie one behind the other, as in a table; else backwards and with gaps.
   */
  run(versions: readonly WrittenVersion[], packed = false): VersionRun {
    const records = versions.length * VERSION_WORDS;
    const gap = packed ? 0 : 1;
    const words = versions.reduce((sum, version) => sum + payloadWords(version) + gap, records);
    const i32 = new Int32Array(words).fill(GARBAGE);
    const run = new VersionRun();
    run.i32 = i32;
    run.u8 = new Uint8Array(i32.buffer);
    run.count = versions.length;
    let front = records;
    let back = words;
    for (const [index, version] of versions.entries()) {
      back -= payloadWords(version) + gap;
      this.#write(run, index, version, packed ? front : back);
      front += payloadWords(version);
    }
    return run;
  }

  extentAt(run: VersionRun, index: number): MemoryExtent {
    const at = run.first + index * VERSION_WORDS;
    const expiry = (run.i32[at + 5]! & META_EXPIRES) === 0 ? 0 : 2;
    const bytes = this.#extents[run.i32[run.i32[at + POINTER]! / 4 + expiry]!]!;
    return {
      length: bytes.length,
      copyTo: (into, from) => into.set(bytes.subarray(from, from + into.length)),
    };
  }

  #write(run: VersionRun, index: number, version: WrittenVersion, word: number): void {
    const { timestamp, seq, expiresAt, value = EMPTY, kind = KIND_PUT } = version;
    const extent = value.length > INLINE_VALUE_BYTES_MAX;
    const meta =
      kind |
      (expiresAt === undefined ? 0 : META_EXPIRES) |
      (extent ? META_EXTENT : 0) |
      (value.length << META_LENGTH_SHIFT);
    run.i32.set(
      [highWord(timestamp), lowWord(timestamp), highWord(seq), lowWord(seq), word * 4, meta],
      index * VERSION_WORDS,
    );
    let at = word;
    if (expiresAt !== undefined) {
      run.i32[at++] = highWord(expiresAt);
      run.i32[at++] = lowWord(expiresAt);
    }
    if (extent) run.i32[at] = this.#extents.push(value) - 1;
    else run.u8.set(value, at * 4);
  }
}

const EMPTY = new Uint8Array(0);

function payloadWords({ value = EMPTY, expiresAt }: WrittenVersion): number {
  const expiry = expiresAt === undefined ? 0 : 2;
  return expiry + (value.length > INLINE_VALUE_BYTES_MAX ? 1 : (value.length + 3) >>> 2);
}
