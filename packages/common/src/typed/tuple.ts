import { textOf } from "../bytes.ts";
import { invalidArgument } from "../errors.ts";
import { limits } from "../limits.ts";
import { shown } from "../shown.ts";

/** What a tuple key may hold. */
export type TuplePart = null | boolean | number | string | Uint8Array | readonly TuplePart[];

/*
 * Each part is a code and its bytes, and encoded tuples order as their parts do: null, false, true, numbers, strings (by
 * code point), bytes, tuples; a tuple comes before what it begins. Text and bytes end with a zero; a zero within is
 * followed by 255, which no code is. Source: the idea is that of FoundationDB's tuple layer, the codes are our own.
 */
const END = 0x00;
const NULL = 0x01;
const FALSE = 0x02;
const TRUE = 0x03;
const NUMBER = 0x10;
const STRING = 0x20;
const BYTES = 0x30;
const TUPLE = 0x40;
const ESCAPED = 0xff;

const NUMBER_BYTES = 8;
/** Tuples within tuples; bounds the stack on what others have written. */
const DEPTH_MAX = 32;

const encoder = new TextEncoder();
const number = new DataView(new ArrayBuffer(NUMBER_BYTES));

/**
 * A key whose bytes order as the parts of the tuple do.
 * @throws INVALID_ARGUMENT for a part of another type, NaN, or a lone surrogate; TOO_LARGE is left to whoever takes the key
 */
export function encodeTuple(parts: readonly TuplePart[]): Uint8Array {
  if (!Array.isArray(parts)) throw invalidArgument(`a tuple key is an array, not ${shown(parts)}`);
  const bytes: number[] = [];
  for (const part of parts) append(bytes, part, 1);
  return new Uint8Array(bytes);
}

/**
 * The parts of a tuple key.
 * @throws INVALID_ARGUMENT for bytes that `encodeTuple` does not give
 */
export function decodeTuple(bytes: Uint8Array): TuplePart[] {
  const reader = new TupleReader(bytes);
  const parts: TuplePart[] = [];
  while (!reader.isAtEnd) parts.push(reader.part(1));
  return parts;
}

/** Keys that begin with these parts, the tuple of just these included: `start` inclusive, `end` exclusive. */
export function tupleRange(parts: readonly TuplePart[]): { readonly start: Uint8Array; readonly end: Uint8Array } {
  const start = encodeTuple(parts);
  const end = new Uint8Array(start.length + 1);
  end.set(start);
  // Above every code, and what an escaped zero would go on with, which is not the end of a part.
  end[start.length] = ESCAPED;
  return { start, end };
}

function append(bytes: number[], part: TuplePart, depth: number): void {
  if (part === null) bytes.push(NULL);
  else if (part === false) bytes.push(FALSE);
  else if (part === true) bytes.push(TRUE);
  else if (typeof part === "number") appendNumber(bytes, part);
  else if (typeof part === "string") appendEscaped(bytes, STRING, textBytes(part));
  else if (part instanceof Uint8Array) appendEscaped(bytes, BYTES, part);
  else if (Array.isArray(part)) appendTuple(bytes, part as readonly TuplePart[], depth);
  else {
    throw invalidArgument(
      `a part of a tuple key is null, a boolean, a number, a string, a Uint8Array or an array of these, not ${shown(part)}`,
    );
  }
}

/** Big-endian, with the sign turned, and all other bits too where it is negative: bytes then order as numbers do. */
function appendNumber(bytes: number[], value: number): void {
  if (Number.isNaN(value)) throw invalidArgument("a part of a tuple key must not be NaN: it has no place in an order");
  bytes.push(NUMBER);
  // Both zeros are one number, so they are one key.
  number.setFloat64(0, value === 0 ? 0 : value);
  const negative = number.getUint8(0) >= 0x80;
  for (let i = 0; i < NUMBER_BYTES; i++) {
    const byte = number.getUint8(i);
    bytes.push(negative ? byte ^ 0xff : i === 0 ? byte ^ 0x80 : byte);
  }
}

function textBytes(text: string): Uint8Array {
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw invalidArgument("a string in a tuple key must not have a lone surrogate; pass a Uint8Array instead");
  }
  return encoder.encode(text);
}

function appendEscaped(bytes: number[], code: number, content: Uint8Array): void {
  // A key that is far too long is refused by its length, not by memory that runs out.
  if (content.length > limits.keyBytesMax) throw invalidArgument(tooLong(content.length));
  bytes.push(code);
  for (const byte of content) {
    bytes.push(byte);
    if (byte === END) bytes.push(ESCAPED);
  }
  bytes.push(END);
}

function tooLong(length: number): string {
  return `a part of a tuple key has ${length} bytes; a whole key has at most ${limits.keyBytesMax}`;
}

function appendTuple(bytes: number[], parts: readonly TuplePart[], depth: number): void {
  if (depth > DEPTH_MAX) throw invalidArgument(`a tuple key nests at most ${DEPTH_MAX} tuples`);
  bytes.push(TUPLE);
  for (const part of parts) append(bytes, part, depth + 1);
  bytes.push(END);
}

class TupleReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  part(depth: number): TuplePart {
    switch (this.#next()) {
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NUMBER:
        return this.#number();
      case STRING:
        return textOf(this.#escaped()) ?? this.#refuse();
      case BYTES:
        return this.#escaped();
      case TUPLE:
        return this.#tuple(depth);
      default:
        return this.#refuse();
    }
  }

  #tuple(depth: number): TuplePart[] {
    if (depth > DEPTH_MAX) return this.#refuse();
    const parts: TuplePart[] = [];
    while (this.#bytes[this.#at] !== END) parts.push(this.part(depth + 1));
    this.#at++;
    return parts;
  }

  #number(): number {
    const first = this.#bytes[this.#at] ?? this.#refuse();
    const positive = first >= 0x80;
    for (let i = 0; i < NUMBER_BYTES; i++) {
      const byte = this.#next();
      number.setUint8(i, positive ? (i === 0 ? byte ^ 0x80 : byte) : byte ^ 0xff);
    }
    const value = number.getFloat64(0);
    return Number.isNaN(value) || Object.is(value, -0) ? this.#refuse() : value;
  }

  #escaped(): Uint8Array {
    const content: number[] = [];
    for (let byte = this.#next(); ; byte = this.#next()) {
      if (byte === END) {
        if (this.#bytes[this.#at] !== ESCAPED) return new Uint8Array(content);
        this.#at++;
      }
      content.push(byte);
    }
  }

  #next(): number {
    return this.#bytes[this.#at++] ?? this.#refuse();
  }

  #refuse(): never {
    throw invalidArgument('a key here is not a tuple key; read it through a view with keys: "bytes"');
  }
}
