import type { Change, Entry } from "@kvts/common";
import { NUMBER_MAX } from "../format/version-record.ts";

/** What a restore writes to one key: a value, or that it holds nothing. */
export interface RestoreOperation {
  readonly key: Uint8Array;
  /** Undefined for a delete. */
  readonly value: Uint8Array | undefined;
  /** Microseconds; undefined where the value does not expire. */
  readonly expiresAt: number | undefined;
}

/** What a restore goes back to, and the clock by which it judges expiry; microseconds, `now` not before `to`. */
export interface RestoreMoment {
  readonly to: number;
  readonly now: number;
}

/**
 * What makes a key look as it did.
 * @param change what became of it since the moment that is gone back to
 */
export function undo({ key, before }: Change<Uint8Array>, moment: RestoreMoment): RestoreOperation {
  return put(key, before, moment);
}

/** The same, from what the key held at that moment. */
export function put(key: Uint8Array, then: Entry<Uint8Array> | undefined, moment: RestoreMoment): RestoreOperation {
  return { key, value: then?.value, expiresAt: restoredExpiry(then?.expiresAt, moment) };
}

/**
 * A value keeps its expiry. One that has expired since comes back for as long as it had left: it is to read as it did, and
 * not to live for ever.
 */
export function restoredExpiry(expiresAt: number | undefined, { to, now }: RestoreMoment): number | undefined {
  if (expiresAt === undefined || expiresAt > now) return expiresAt;
  return Math.min(NUMBER_MAX, now + (expiresAt - to));
}

export function operationBytes({ key, value }: RestoreOperation): number {
  return key.length + (value?.length ?? 0);
}

/** A key as a string of its bytes, to be looked up by. */
export function keyName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
