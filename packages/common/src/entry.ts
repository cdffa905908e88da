import { textOf } from "./bytes.ts";
import { invalidArgument } from "./errors.ts";
import type { Entry, Key, Tombstone } from "./store.ts";

/** What an entry is made of. */
export interface EntryFields<K extends Key> {
  readonly key: K;
  readonly value: Uint8Array;
  readonly timestamp: number;
  readonly seq: number;
  readonly expiresAt?: number | undefined;
}

class PlainEntry<K extends Key> implements Entry<K> {
  readonly key: K;
  readonly value: Uint8Array;
  readonly timestamp: number;
  readonly seq: number;
  // Declared only: an entry without expiry has no such field.
  declare readonly expiresAt?: number;

  constructor(fields: EntryFields<K>) {
    this.key = fields.key;
    this.value = fields.value;
    this.timestamp = fields.timestamp;
    this.seq = fields.seq;
    if (fields.expiresAt !== undefined) this.expiresAt = fields.expiresAt;
  }

  text(): string {
    const text = textOf(this.value);
    if (text === undefined) throw invalidArgument("the value is not UTF-8 text; read its bytes from `value`");
    return text;
  }

  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T;
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw invalidArgument("the value is not JSON; read it with text() or from `value`");
    }
  }
}

/** An entry; `value` is handed over, not copied. */
export function makeEntry<K extends Key>(fields: EntryFields<K>): Entry<K> {
  return new PlainEntry(fields);
}

/** A tombstone, the version that says that the key holds nothing. */
export function makeTombstone<K extends Key>(key: K, timestamp: number, seq: number): Tombstone<K> {
  return { key, timestamp, seq, deleted: true };
}
