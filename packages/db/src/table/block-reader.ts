import { corruption } from "../format/corruption.ts";
import { BlockView } from "./block.ts";
import { checkBlock } from "./block-check.ts";
import { openEnvelope } from "./envelope.ts";
import type { Fences } from "./fences.ts";
import { FLAG_CONTINUED, FLAG_GOES_ON, FLAGS, KEY_COUNT, KIND_BLOCK } from "./format.ts";
import type { TableBytes } from "./table-bytes.ts";

/** Reads blocks of one table past the cache, and knows what a block has to be before anybody looks into it. */
export class BlockReader {
  readonly #bytes: TableBytes;
  readonly #fences: Fences;

  constructor(bytes: TableBytes, fences: Fences) {
    this.#bytes = bytes;
    this.#fences = fences;
  }

  /** A block in memory of its own. @throws CORRUPTION */
  async read(block: number): Promise<BlockView> {
    const length = this.#fences.storedBytes(block);
    const envelope = new Uint8Array(length);
    await this.#bytes.read(envelope, length, this.#fences.offset(block));
    return this.viewOf(block, this.open(block, envelope));
  }

  /** What a block's envelope holds, decompressed: a view of `envelope` where it was not compressed. @throws CORRUPTION */
  open(block: number, envelope: Uint8Array): Uint8Array {
    const { path, number } = this.#bytes;
    return openEnvelope(envelope, KIND_BLOCK, path, number, this.#fences.offset(block));
  }

  /** A copy of a block's contents, checked. @throws CORRUPTION */
  viewOf(block: number, raw: Uint8Array): BlockView {
    const view = new BlockView();
    view.i32 = new Int32Array((raw.length + 3) >>> 2);
    view.u8 = new Uint8Array(view.i32.buffer);
    view.u8.set(raw);
    this.check(block, view.i32, 0, raw.length);
    return view;
  }

  /** Checks the contents of a block, `bytes` long from `word` on. @throws CORRUPTION */
  check(block: number, i32: Int32Array, word: number, bytes: number): void {
    const { path } = this.#bytes;
    const fences = this.#fences;
    const offset = fences.offset(block);
    checkBlock(i32, word, bytes, path, offset);
    const flags =
      (fences.isContinued(block) ? FLAG_CONTINUED : 0) |
      (block + 1 < fences.blockCount && fences.isContinued(block + 1) ? FLAG_GOES_ON : 0);
    if (i32[word + FLAGS] !== flags || (i32[word + KEY_COUNT] === 1) !== fences.isSingle(block)) {
      throw corruption(path, offset, "a block is not the one that the index has there");
    }
  }
}
