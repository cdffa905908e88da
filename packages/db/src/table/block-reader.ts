import { corruption } from "../format/corruption.ts";
import { BlockView } from "./block.ts";
import { unpackBlock } from "./block-unpacker.ts";
import { checkEnvelope, compressionAt, ENVELOPE_BYTES } from "./envelope.ts";
import type { Fences } from "./fences.ts";
import {
  BLOCK_HEADER_WORDS,
  FLAG_CONTINUED,
  FLAG_GOES_ON,
  FLAGS,
  KEY_COUNT,
  KIND_BLOCK,
  SLOT_KEY,
  SLOT_WORDS,
} from "./format.ts";
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
    return this.viewOf(block, envelope, this.blockBytes(block, envelope));
  }

  /** Bytes that a block takes in memory, once its envelope has proven whole: a whole number of words. @throws CORRUPTION */
  blockBytes(block: number, envelope: Uint8Array): number {
    const { path, number } = this.#bytes;
    return checkEnvelope(envelope, KIND_BLOCK, path, number, this.#fences.offset(block));
  }

  /** A block in memory of its own; `blockBytes` as {@link blockBytes} has it. @throws CORRUPTION */
  viewOf(block: number, envelope: Uint8Array, blockBytes: number): BlockView {
    const view = new BlockView();
    view.i32 = new Int32Array(blockBytes / 4);
    view.u8 = new Uint8Array(view.i32.buffer);
    this.unpack(block, envelope, blockBytes, view.i32, view.u8, 0);
    return view;
  }

  /**
   * Unpacks a block to word `word` of `i32`, of which `u8` is another view. `envelope` stands at a whole word of its
   * buffer. @throws CORRUPTION; what is in the block's place then means nothing.
   */
  unpack(block: number, envelope: Uint8Array, blockBytes: number, i32: Int32Array, u8: Uint8Array, word: number): void {
    const { path, dictionary } = this.#bytes;
    const fences = this.#fences;
    const offset = fences.offset(block);
    const compression = compressionAt(envelope);
    const problem = unpackBlock(envelope, ENVELOPE_BYTES, compression, blockBytes, i32, u8, word, dictionary);
    if (problem !== undefined) throw corruption(path, offset, problem);
    const flags =
      (fences.isContinued(block) ? FLAG_CONTINUED : 0) |
      (block + 1 < fences.blockCount && fences.isContinued(block + 1) ? FLAG_GOES_ON : 0);
    const slots = word + BLOCK_HEADER_WORDS;
    const lastSlot = slots + (i32[word + KEY_COUNT]! - 1) * SLOT_WORDS;
    const first = word + (i32[slots + SLOT_KEY]! >>> 2) + 1;
    const last = word + (i32[lastSlot + SLOT_KEY]! >>> 2) + 1;
    if (
      i32[word + FLAGS] !== flags ||
      (lastSlot === slots) !== fences.isSingle(block) ||
      !fences.enclose(block, i32, first, last)
    ) {
      throw corruption(path, offset, "a block is not the one that the index has there");
    }
  }
}
