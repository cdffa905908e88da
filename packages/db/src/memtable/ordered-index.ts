import { compareKeys } from "../format/key-buffer.ts";
import { type Arena, TREE_HEIGHT, TREE_NODES, TREE_ROOT } from "./arena.ts";
import { NODE_KEY, NODE_KEY_LENGTH } from "./key-node.ts";

/** Entries in a full tree node. */
const FAN_OUT = 48;
const HALF = FAN_OUT / 2;

// Tree node: head, then columns of FAN_OUT words each.
const COUNT = 0;
/** Whole words that every key in the node shares, left out of its prefixes. */
const SKIP = 1;
/** Fences: key nodes with low ≤ every key of the subtree < high; 0 where there is no bound. */
const LOW = 2;
const HIGH = 3;
/** Neighbouring leaves, or 0. */
const PREVIOUS = 4;
const NEXT = 5;
/** Eight bytes of each key behind the skipped ones, as two biased big-endian words. */
const PREFIX_A = 6;
const PREFIX_B = PREFIX_A + FAN_OUT;
/** Key nodes. In an inner node an entry's key is the least of its child's subtree; the first entry's is never looked at. */
const KEY = PREFIX_B + FAN_OUT;
/** Inner nodes only. */
const CHILD = KEY + FAN_OUT;
const LEAF_WORDS = CHILD;
export const INNER_WORDS: number = CHILD + FAN_OUT;

/** {@link OrderedIndex.search}: entries that are less than the key, or at most the key. */
const BELOW = 0;
const UP_TO = 1;

/**
 * The distinct keys of an arena in byte order: a B+tree over key nodes.
 *
 * Keys are compared by eight bytes kept in the tree node. Real keys share their beginnings, so those eight bytes are
 * taken after the words that the node's two fences have in common: whatever search arrives at a node lies between its
 * fences, so it shares them too, and nothing needs to be checked. Equal prefixes fall back to the whole keys.
 * Nothing is ever removed, so fences only close in, and only when a node splits.
 */
export class OrderedIndex {
  readonly #arena: Arena;
  readonly #i32: Int32Array;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#i32 = arena.i32;
  }

  /** Most words that one {@link add} takes. */
  get growthWordsMax(): number {
    return (this.#i32[TREE_HEIGHT]! + 1) * INNER_WORDS;
  }

  /** Adds a key node whose key is not there yet. Room for {@link growthWordsMax} has been made sure of. */
  add(node: number): void {
    const i32 = this.#i32;
    const word = node + NODE_KEY;
    const length = i32[node + NODE_KEY_LENGTH]!;
    let at = this.#rootWithRoom();
    for (let level = i32[TREE_HEIGHT]!; level > 1; level--) {
      let slot = this.#search(at, i32, word, length, UP_TO, 1) - 1;
      if (i32[i32[at + CHILD + slot]! + COUNT] === FAN_OUT) {
        this.#split(at, slot, level === 2, node);
        slot = this.#search(at, i32, word, length, UP_TO, 1) - 1;
      }
      at = i32[at + CHILD + slot]!;
    }
    this.#insertEntry(at, this.#search(at, i32, word, length, BELOW, 0), node, 0);
  }

  /** The leaf in whose range a key lies; 0 where the tree is empty. */
  leafFor(keyI32: Int32Array, keyWord: number, keyLength: number): number {
    const i32 = this.#i32;
    let at = i32[TREE_ROOT]!;
    for (let level = i32[TREE_HEIGHT]!; level > 1; level--) {
      at = i32[at + CHILD + this.#search(at, keyI32, keyWord, keyLength, UP_TO, 1) - 1]!;
    }
    return at;
  }

  /** How many keys of a leaf are less than a key that lies in its range. */
  slotFor(leaf: number, keyI32: Int32Array, keyWord: number, keyLength: number): number {
    return this.#search(leaf, keyI32, keyWord, keyLength, BELOW, 0);
  }

  firstLeaf(): number {
    const i32 = this.#i32;
    let at = i32[TREE_ROOT]!;
    for (let level = i32[TREE_HEIGHT]!; level > 1; level--) at = i32[at + CHILD]!;
    return at;
  }

  lastLeaf(): number {
    const i32 = this.#i32;
    let at = i32[TREE_ROOT]!;
    for (let level = i32[TREE_HEIGHT]!; level > 1; level--) at = i32[at + CHILD + i32[at + COUNT]! - 1]!;
    return at;
  }

  /** Keys in a leaf; a tree's leaves are never empty. */
  countOf(leaf: number): number {
    return this.#i32[leaf + COUNT]!;
  }

  /** The key node at a slot of a leaf. */
  nodeAt(leaf: number, slot: number): number {
    return this.#i32[leaf + KEY + slot]!;
  }

  /** The neighbouring leaf, or 0. */
  nextLeaf(leaf: number): number {
    return this.#i32[leaf + NEXT]!;
  }

  previousLeaf(leaf: number): number {
    return this.#i32[leaf + PREVIOUS]!;
  }

  /** Binary search among the entries from slot `from` on: the slot behind those BELOW, or UP_TO, the key. */
  #search(
    at: number,
    keyI32: Int32Array,
    keyWord: number,
    keyLength: number,
    bound: typeof BELOW | typeof UP_TO,
    from: number,
  ): number {
    const i32 = this.#i32;
    const skip = i32[at + SKIP]!;
    const a = prefixWord(keyI32, keyWord, keyLength, skip);
    const b = prefixWord(keyI32, keyWord, keyLength, skip + 1);
    let low = from;
    let high = i32[at + COUNT]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entryA = i32[at + PREFIX_A + middle]!;
      let before = entryA < a;
      if (entryA === a) {
        const entryB = i32[at + PREFIX_B + middle]!;
        before = entryB < b;
        if (entryB === b) {
          const node = i32[at + KEY + middle]!;
          before =
            compareKeys(
              i32,
              node + NODE_KEY + skip,
              i32[node + NODE_KEY_LENGTH]! - 4 * skip,
              keyI32,
              keyWord + skip,
              keyLength - 4 * skip,
            ) < bound;
        }
      }
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #newNode(words: number): number {
    const at = this.#arena.take(words);
    this.#i32.fill(0, at, at + PREFIX_A);
    this.#i32[TREE_NODES]!++;
    return at;
  }

  /** The root, a new one above it where it was full. */
  #rootWithRoom(): number {
    const i32 = this.#i32;
    const root = i32[TREE_ROOT]!;
    if (root !== 0 && i32[root + COUNT]! < FAN_OUT) return root;
    const above = this.#newNode(root === 0 ? LEAF_WORDS : INNER_WORDS);
    if (root !== 0) this.#insertEntry(above, 0, i32[root + KEY]!, root);
    i32[TREE_ROOT] = above;
    i32[TREE_HEIGHT]!++;
    return above;
  }

  /**
   * Splits the full child at `slot` of a parent that has room. Keys that come in ascending order leave full nodes
   * behind: where `node`, about to be added, goes behind everything there is, nothing or little moves.
   */
  #split(parent: number, slot: number, leaf: boolean, node: number): void {
    const i32 = this.#i32;
    const left = i32[parent + CHILD + slot]!;
    const right = this.#newNode(leaf ? LEAF_WORDS : INNER_WORDS);
    const ascending = i32[left + HIGH] === 0 && this.#isAbove(node, i32[left + KEY + FAN_OUT - 1]!);
    const cut = ascending ? (leaf ? FAN_OUT : FAN_OUT - 1) : HALF;
    const separator = cut === FAN_OUT ? node : i32[left + KEY + cut]!;
    for (let column = PREFIX_A; column < (leaf ? LEAF_WORDS : INNER_WORDS); column += FAN_OUT) {
      for (let i = cut; i < FAN_OUT; i++) i32[right + column + i - cut] = i32[left + column + i]!;
    }
    i32[left + COUNT] = cut;
    i32[right + COUNT] = FAN_OUT - cut;
    if (leaf) this.#link(left, right);
    i32[right + LOW] = separator;
    i32[right + HIGH] = i32[left + HIGH]!;
    i32[left + HIGH] = separator;
    i32[right + SKIP] = i32[left + SKIP]!;
    this.#tightenSkip(left);
    this.#tightenSkip(right);
    this.#insertEntry(parent, slot + 1, separator, right);
  }

  #isAbove(node: number, other: number): boolean {
    const i32 = this.#i32;
    const length = i32[node + NODE_KEY_LENGTH]!;
    return compareKeys(i32, node + NODE_KEY, length, i32, other + NODE_KEY, i32[other + NODE_KEY_LENGTH]!) > 0;
  }

  #link(left: number, right: number): void {
    const i32 = this.#i32;
    const next = i32[left + NEXT]!;
    i32[right + PREVIOUS] = left;
    i32[right + NEXT] = next;
    i32[left + NEXT] = right;
    if (next !== 0) i32[next + PREVIOUS] = right;
  }

  /** Leaves out of a node's prefixes what its fences share by now. */
  #tightenSkip(at: number): void {
    const i32 = this.#i32;
    const low = i32[at + LOW]!;
    const high = i32[at + HIGH]!;
    const skip = low === 0 || high === 0 ? 0 : this.#sharedWords(low, high);
    if (skip === i32[at + SKIP]) return;
    i32[at + SKIP] = skip;
    for (let slot = i32[at + COUNT]! - 1; slot >= 0; slot--) this.#writePrefix(at, slot);
  }

  #sharedWords(a: number, b: number): number {
    const i32 = this.#i32;
    const aLength = i32[a + NODE_KEY_LENGTH]!;
    const bLength = i32[b + NODE_KEY_LENGTH]!;
    const words = (aLength < bLength ? aLength : bLength) >>> 2;
    let shared = 0;
    while (shared < words && i32[a + NODE_KEY + shared] === i32[b + NODE_KEY + shared]) shared++;
    return shared;
  }

  #writePrefix(at: number, slot: number): void {
    const i32 = this.#i32;
    const skip = i32[at + SKIP]!;
    const node = i32[at + KEY + slot]!;
    const length = i32[node + NODE_KEY_LENGTH]!;
    i32[at + PREFIX_A + slot] = prefixWord(i32, node + NODE_KEY, length, skip);
    i32[at + PREFIX_B + slot] = prefixWord(i32, node + NODE_KEY, length, skip + 1);
  }

  /** Inserts an entry into a tree node that has room; `child` is 0 in a leaf. */
  #insertEntry(at: number, slot: number, node: number, child: number): void {
    const i32 = this.#i32;
    const count = i32[at + COUNT]!;
    for (let i = at + PREFIX_A + count; i > at + PREFIX_A + slot; i--) {
      i32[i] = i32[i - 1]!;
      i32[i + FAN_OUT] = i32[i + FAN_OUT - 1]!;
      i32[i + 2 * FAN_OUT] = i32[i + 2 * FAN_OUT - 1]!;
    }
    if (child !== 0) {
      for (let i = at + CHILD + count; i > at + CHILD + slot; i--) i32[i] = i32[i - 1]!;
      i32[at + CHILD + slot] = child;
    }
    i32[at + KEY + slot] = node;
    i32[at + COUNT] = count + 1;
    this.#writePrefix(at, slot);
  }
}

/** Word `index` of a key as a biased big-endian number, zeroes behind the key's end. */
function prefixWord(i32: Int32Array, keyWord: number, keyLength: number, index: number): number {
  if (4 * index >= keyLength) return BIAS;
  const word = i32[keyWord + index]!;
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) ^ BIAS;
}

const BIAS = -0x80000000;
