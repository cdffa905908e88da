import { wireTypes } from "./reader.ts";

/*
 * Fields of protobuf as bytes: how many each takes, and putting it into a buffer that has them. Putting answers with the
 * place behind the field. Numbers are whole, from 0 to 2^53 - 1, and fields have numbers up to 15.
 */

/** The first byte of a field. */
export function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/** A field of so many bytes, with its tag and length. */
export function bytesFieldBytes(length: number): number {
  return 1 + numberBytes(length) + length;
}

/** A number that is 0 is left out, as proto3 has it. */
export function numberFieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + numberBytes(value);
}

/** A field that is marked `optional`, or one of a `oneof`: there even where it is 0. */
export function optionalFieldBytes(value: number | undefined): number {
  return value === undefined ? 0 : 1 + numberBytes(value);
}

export function numberBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest /= 128) bytes++;
  return bytes;
}

/** Seven bits a byte, the lowest first. */
export function putNumber(target: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  // Above 31 bits, arithmetic instead of shifts.
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  for (; rest > 127; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}

export function putNumberField(target: Uint8Array, at: number, field: number, value: number): number {
  return value === 0 ? at : putOptionalField(target, at, field, value);
}

export function putOptionalField(target: Uint8Array, at: number, field: number, value: number | undefined): number {
  if (value === undefined) return at;
  target[at] = tagOf(field, wireTypes.varint);
  return putNumber(target, at + 1, value);
}

/** What stands in front of a field of so many bytes. */
export function putFieldHead(target: Uint8Array, at: number, field: number, length: number): number {
  target[at] = tagOf(field, wireTypes.lengthDelimited);
  return putNumber(target, at + 1, length);
}

/** Copying so few bytes one by one is quicker than a call of `set`. */
const copiedByHandMax = 32;

export function putBytesField(target: Uint8Array, at: number, field: number, bytes: Uint8Array): number {
  const from = putFieldHead(target, at, field, bytes.length);
  if (bytes.length > copiedByHandMax) target.set(bytes, from);
  else for (let i = 0; i < bytes.length; i++) target[from + i] = bytes[i]!;
  return from + bytes.length;
}

/** Text of ASCII alone: a byte a character. Empty text is left out. */
export function textFieldBytes(text: string): number {
  return text === "" ? 0 : bytesFieldBytes(text.length);
}

export function putTextField(target: Uint8Array, at: number, field: number, text: string): number {
  if (text === "") return at;
  const from = putFieldHead(target, at, field, text.length);
  for (let i = 0; i < text.length; i++) target[from + i] = text.charCodeAt(i);
  return from + text.length;
}
