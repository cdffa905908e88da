import type { WriteResult } from "@kvts/common";
import type { StoredEntry } from "../service/lists.ts";

/*
 * The two answers that nearly all calls get, as gRPC sends them: an envelope around a message of protobuf. They are
 * written straight from the store's own objects, without messages and bigints in between. Fields and their numbers are
 * those of kvts/v1/kv.proto and types.proto; tests compare each with what protobuf's library reads.
 */

/** Its flag, 0 for no compression, and the length of the message that follows. */
export const envelopeHeadBytes = 5;

const varint = 0;
const lengthDelimited = 2;

/** A message in its envelope. */
export function envelope(message: Uint8Array): Buffer {
  const framed = withHead(message.length);
  framed.set(message, envelopeHeadBytes);
  return framed;
}

/** PutResponse, DeleteResponse and WriteResponse: timestamp = 1, seq = 2. */
export function writtenAnswer({ timestamp, seq }: WriteResult): Buffer {
  const framed = withHead(numberFieldBytes(timestamp) + numberFieldBytes(seq));
  const at = putNumberField(framed, envelopeHeadBytes, 1, timestamp);
  putNumberField(framed, at, 2, seq);
  return framed;
}

/** GetResponse: version = 1, of key = 1, timestamp = 2, seq = 3, value = 4, expires_at = 5. */
export function entryAnswer(entry: StoredEntry | undefined): Buffer {
  if (entry === undefined) return withHead(0);
  const { key, value, timestamp, seq, expiresAt } = entry;
  const versionBytes =
    bytesFieldBytes(key.length) +
    numberFieldBytes(timestamp) +
    numberFieldBytes(seq) +
    bytesFieldBytes(value.length) +
    (expiresAt === undefined ? 0 : numberBytes(expiresAt) + 1);
  const framed = withHead(bytesFieldBytes(versionBytes));
  let at = putTag(framed, envelopeHeadBytes, 1, lengthDelimited);
  at = putNumber(framed, at, versionBytes);
  at = putBytesField(framed, at, 1, key);
  at = putNumberField(framed, at, 2, timestamp);
  at = putNumberField(framed, at, 3, seq);
  at = putBytesField(framed, at, 4, value);
  // Optional in the proto: present even where it is 0.
  if (expiresAt !== undefined) putNumber(framed, putTag(framed, at, 5, varint), expiresAt);
  return framed;
}

function withHead(messageBytes: number): Buffer {
  const framed = Buffer.allocUnsafe(envelopeHeadBytes + messageBytes);
  framed[0] = 0;
  framed.writeUInt32BE(messageBytes, 1);
  return framed;
}

function bytesFieldBytes(length: number): number {
  return 1 + numberBytes(length) + length;
}

/** A number that is 0 is left out, as proto3 has it. */
function numberFieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + numberBytes(value);
}

function numberBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest /= 128) bytes++;
  return bytes;
}

function putTag(target: Buffer, at: number, field: number, wireType: number): number {
  target[at] = (field << 3) | wireType;
  return at + 1;
}

function putBytesField(target: Buffer, at: number, field: number, bytes: Uint8Array): number {
  const from = putNumber(target, putTag(target, at, field, lengthDelimited), bytes.length);
  target.set(bytes, from);
  return from + bytes.length;
}

function putNumberField(target: Buffer, at: number, field: number, value: number): number {
  return value === 0 ? at : putNumber(target, putTag(target, at, field, varint), value);
}

/** Seven bits a byte, the lowest first. @param value a whole number from 0 to 2^53 - 1 */
function putNumber(target: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  // Above 31 bits, arithmetic instead of shifts.
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  for (; rest > 127; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}
