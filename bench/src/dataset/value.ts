import { hashPair } from "./hash.ts";

/** Bytes at a value's start that name its entry: index and version, 32 bits each. */
export const tagBytes = 8;

/** The second half of a value is a stretch of this. */
const words = Buffer.from(
  "the quick brown fox jumps over the lazy dog and then it sleeps under a warm and quiet tree. ",
);
const wordBytes = 4;

/**
 * Fills a value: its entry's tag, then random bytes up to the middle, then plain words, so that about half of it
 * compresses and no two are alike.
 */
export function fillValue(value: Buffer, index: number, version: number): void {
  value.writeUInt32LE(index, 0);
  value.writeUInt32LE(version, 4);
  const middle = Math.max(tagBytes, value.length >> 1);
  const seed = hashPair(index, version);
  let at = tagBytes;
  for (; at + wordBytes <= middle; at += wordBytes) value.writeUInt32LE(hashPair(seed, at), at);
  while (at < value.length) {
    const from = hashPair(seed, at) % (words.length >> 1);
    at += words.copy(value, at, from);
  }
}

/** Whether a value's tag names this entry. */
export function isTagged(value: Uint8Array, index: number, version: number): boolean {
  return readWord(value, 0) === index && readWord(value, 4) === version;
}

/** The version that a value's tag names. */
export function taggedVersion(value: Uint8Array): number {
  return readWord(value, 4);
}

function readWord(value: Uint8Array, at: number): number {
  return (value[at]! | (value[at + 1]! << 8) | (value[at + 2]! << 16) | (value[at + 3]! << 24)) >>> 0;
}
