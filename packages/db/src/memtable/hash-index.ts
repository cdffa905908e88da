import { equalKeys } from "../format/key-buffer.ts";
import { type Arena, HASH_SLOTS, HEADER_WORDS, KEY_COUNT } from "./arena.ts";
import { NODE_KEY, NODE_KEY_LENGTH } from "./key-node.ts";

/** Slots in use, of 10: beyond it, probes for absent keys grow long. */
const LOAD_TENTHS_MAX = 7;

/**
 * From keys to their nodes: open addressing with linear probing, one word a slot. A slot holds the node in its low
 * bits and, in the bits that no node of this arena needs, the top of the key's hash, so that nearly every other key is
 * passed over without a look at its node.
 */
export class HashIndex {
  readonly #i32: Int32Array;
  readonly #slotMask: number;
  readonly #nodeMask: number;
  readonly #keysMax: number;

  constructor(arena: Arena) {
    const slots = arena.i32[HASH_SLOTS]!;
    this.#i32 = arena.i32;
    this.#slotMask = slots - 1;
    this.#nodeMask = 2 ** (32 - Math.clz32(arena.i32.length - 1)) - 1;
    this.#keysMax = Math.floor((slots * LOAD_TENTHS_MAX) / 10);
  }

  /** Whether another key may be {@link add}ed. */
  get hasRoom(): boolean {
    return this.#i32[KEY_COUNT]! < this.#keysMax;
  }

  get keysMax(): number {
    return this.#keysMax;
  }

  /** The key's node, or the complement (`~`) of the word of the slot where it belongs. */
  find(keyI32: Int32Array, keyWord: number, keyLength: number, hash: number): number {
    const i32 = this.#i32;
    const slotMask = this.#slotMask;
    const nodeMask = this.#nodeMask;
    for (let slot = hash & slotMask; ; slot = (slot + 1) & slotMask) {
      const entry = i32[HEADER_WORDS + slot]!;
      if (entry === 0) return ~(HEADER_WORDS + slot);
      if (((entry ^ hash) & ~nodeMask) !== 0) continue;
      const node = entry & nodeMask;
      if (equalKeys(i32, node + NODE_KEY, i32[node + NODE_KEY_LENGTH]!, keyI32, keyWord, keyLength)) return node;
    }
  }

  /** Puts a node in the empty slot that {@link find} named. */
  add(slotWord: number, node: number, hash: number): void {
    this.#i32[slotWord] = (hash & ~this.#nodeMask) | node;
  }
}
