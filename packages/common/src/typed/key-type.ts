import { decodeKey, encodeKey } from "../keys.ts";
import type { KeyOf, Range } from "../store.ts";
import { decodeTuple, encodeTuple, type TuplePart, tupleRange } from "./tuple.ts";

/** How keys of a type become bytes and back. Their order in a store is that of the bytes. */
export interface KeyType<K, P = K> {
  encode(key: K): Uint8Array;
  /** @throws INVALID_ARGUMENT for a key that is none of these */
  decode(bytes: Uint8Array): K;
  /** The range of keys that begin with `prefix`. */
  prefixRange(prefix: P): Range;
  /** The bytes of a range's bound, which may be shorter than a key. */
  encodeBound(bound: P | K): Uint8Array;
}

/** What a tuple may begin with: none of its parts, the first, the first two … */
export type TuplePrefix<T extends readonly TuplePart[]> = T extends readonly [
  infer First extends TuplePart,
  ...infer Rest extends TuplePart[],
]
  ? readonly [] | readonly [First, ...TuplePrefix<Rest>]
  : readonly [];

/**
 * Keys that are tuples, in the order of their parts: `tuple<[string, number]>()` orders by the string, then by the number.
 * Parts may be null, booleans, numbers, strings, bytes and tuples.
 */
export function tuple<T extends readonly TuplePart[]>(): KeyType<T, TuplePrefix<T>> {
  return {
    encode: encodeTuple,
    decode: (bytes) => decodeTuple(bytes) as readonly TuplePart[] as T,
    prefixRange: tupleRange,
    encodeBound: encodeTuple,
  };
}

/** The keys of a view with the given form, strings or bytes. */
export function plainKeys<F extends "string" | "bytes">(form: F): KeyType<KeyOf<F>> {
  return {
    encode: encodeKey,
    decode: (bytes) => decodeKey(bytes, form),
    prefixRange: (prefix) => ({ prefix }),
    encodeBound: encodeKey,
  };
}
