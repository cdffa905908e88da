import {
  highWord,
  INLINE_VALUE_BYTES_MAX,
  KIND_DELETE,
  KIND_PUT,
  lowWord,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_BYTES,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import { EXPIRY_WORDS, type ExtentSource, type MemoryExtent } from "../table/extent.ts";
import type { RestoreOperation } from "./operation.ts";

const WORDS_MAX = VERSION_WORDS + EXPIRY_WORDS + INLINE_VALUE_BYTES_MAX / 4;
const NOTHING = new Uint8Array(0);

/** One operation as a run of one version, with zeros for timestamp and seq: what a table that is stamped later takes. */
export class OperationRun implements ExtentSource {
  readonly run: VersionRun = new VersionRun();
  /** The value, where it is an extent. */
  #value: Uint8Array = NOTHING;

  constructor() {
    const i32 = new Int32Array(WORDS_MAX);
    this.run.i32 = i32;
    this.run.u8 = new Uint8Array(i32.buffer);
    this.run.count = 1;
    i32[0] = highWord(0);
    i32[TS_LO] = lowWord(0);
    i32[SEQ_HI] = highWord(0);
    i32[SEQ_LO] = lowWord(0);
    i32[POINTER] = VERSION_BYTES;
  }

  set({ value, expiresAt }: RestoreOperation): void {
    const { i32, u8 } = this.run;
    if (value === undefined) {
      i32[META] = KIND_DELETE;
      return;
    }
    const isExtent = value.length > INLINE_VALUE_BYTES_MAX;
    const kind = KIND_PUT | (expiresAt === undefined ? 0 : META_EXPIRES) | (isExtent ? META_EXTENT : 0);
    i32[META] = kind | (value.length << META_LENGTH_SHIFT);
    let word = VERSION_WORDS;
    if (expiresAt !== undefined) {
      i32[word++] = highWord(expiresAt);
      i32[word++] = lowWord(expiresAt);
    }
    if (isExtent) this.#value = value;
    else u8.set(value, word * 4);
  }

  extentAt(): MemoryExtent {
    const value = this.#value;
    return { length: value.length, copyTo: (into, from) => into.set(value.subarray(from, from + into.length)) };
  }
}
