import type { FieldReader } from "./reader.ts";
import { unusualMessage } from "./reader.ts";
import {
  bytesFieldBytes,
  numberFieldBytes,
  optionalFieldBytes,
  putBytesField,
  putFieldHead,
  putNumberField,
  putOptionalField,
  tagOf,
} from "./writer.ts";

/** kvts.v1.Version with plain numbers; without a value a tombstone. */
export interface PlainVersion {
  readonly key: Uint8Array;
  readonly value?: Uint8Array | undefined;
  readonly timestamp: number;
  readonly seq: number;
  readonly expiresAt?: number | undefined;
}

export function versionBytes({ key, value, timestamp, seq, expiresAt }: PlainVersion): number {
  return (
    bytesFieldBytes(key.length) +
    numberFieldBytes(timestamp) +
    numberFieldBytes(seq) +
    (value === undefined ? deletedFieldBytes : bytesFieldBytes(value.length)) +
    optionalFieldBytes(expiresAt)
  );
}

/** A tag and `true`. */
const deletedFieldBytes = 2;

/** key = 1, timestamp = 2, seq = 3, value = 4, expires_at = 5, deleted = 6. */
export function putVersion(target: Uint8Array, start: number, version: PlainVersion): number {
  const { key, value, timestamp, seq, expiresAt } = version;
  let at = putBytesField(target, start, 1, key);
  at = putNumberField(target, at, 2, timestamp);
  at = putNumberField(target, at, 3, seq);
  if (value !== undefined) at = putBytesField(target, at, 4, value);
  at = putOptionalField(target, at, 5, expiresAt);
  return value === undefined ? putNumberField(target, at, 6, 1) : at;
}

/** As a field of another message. */
export function versionFieldBytes(version: PlainVersion): number {
  return bytesFieldBytes(versionBytes(version));
}

export function putVersionField(target: Uint8Array, at: number, field: number, version: PlainVersion): number {
  return putVersion(target, putFieldHead(target, at, field, versionBytes(version)), version);
}

const [keyTag, timestampTag, seqTag, valueTag, expiresAtTag, deletedTag] = [
  tagOf(1, 2),
  tagOf(2, 0),
  tagOf(3, 0),
  tagOf(4, 2),
  tagOf(5, 0),
  tagOf(6, 0),
];

/** A version up to `end`; its bytes are copies. @throws unusualMessage, too, where it is neither a value nor a tombstone */
export function readVersion(reader: FieldReader, end: number): Required<PlainVersion> {
  let key: Uint8Array = noBytes;
  let value: Uint8Array | undefined;
  let [timestamp, seq] = [0, 0];
  let expiresAt: number | undefined;
  let deleted = false;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === keyTag) key = reader.copy();
    else if (tag === timestampTag) timestamp = reader.number();
    else if (tag === seqTag) seq = reader.number();
    else if (tag === valueTag) value = reader.copy();
    else if (tag === expiresAtTag) expiresAt = reader.number();
    else if (tag === deletedTag) deleted = reader.bool();
    else throw unusualMessage;
  }
  reader.checkEnd(end);
  if (deleted !== (value === undefined)) throw unusualMessage;
  return { key, value, timestamp, seq, expiresAt };
}

const noBytes = new Uint8Array();
