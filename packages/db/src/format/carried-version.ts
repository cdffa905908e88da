import {
  INLINE_VALUE_BYTES_MAX,
  KIND_MASK,
  KIND_RETRACT,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  VERSION_BYTES,
  VERSION_WORDS,
} from "./version-record.ts";
import { VersionRun } from "./version-run.ts";

const EXPIRY_WORDS = 2;
/** Words copied of an extent's descriptor: at least as many as any layer's descriptor has. */
const DESCRIPTOR_WORDS = 8;
const WORDS_MAX = VERSION_WORDS + EXPIRY_WORDS + INLINE_VALUE_BYTES_MAX / 4;

/**
 * A copy of one version, held while a merge looks at what follows it: by then its source may have moved on to another
 * block. `owner` is whatever can find the extent that it may point at.
 */
export class CarriedVersion<O> {
  /** The copy, at index 0. */
  readonly run: VersionRun = new VersionRun();
  owner: O | undefined;

  constructor() {
    const i32 = new Int32Array(WORDS_MAX);
    this.run.i32 = i32;
    this.run.u8 = new Uint8Array(i32.buffer);
    this.run.count = 1;
  }

  get isRetract(): boolean {
    return (this.run.i32[META]! & KIND_MASK) === KIND_RETRACT;
  }

  take(source: VersionRun, index: number, owner: O): void {
    const to = this.run.i32;
    const from = source.i32;
    const at = source.first + index * VERSION_WORDS;
    for (let word = 0; word < VERSION_WORDS; word++) to[word] = from[at + word]!;
    to[POINTER] = VERSION_BYTES;
    const words = payloadWords(to[META]!);
    const payload = (source.base + from[at + POINTER]!) >>> 2;
    for (let word = 0; word < words; word++) to[VERSION_WORDS + word] = from[payload + word] ?? 0;
    this.owner = owner;
  }
}

/** Words at a record's pointer: the expiry, then the value or the descriptor of its extent. */
function payloadWords(meta: number): number {
  const expiry = (meta & META_EXPIRES) !== 0 ? EXPIRY_WORDS : 0;
  if ((meta & META_EXTENT) !== 0) return expiry + DESCRIPTOR_WORDS;
  return expiry + (((meta >>> META_LENGTH_SHIFT) + 3) >>> 2);
}
