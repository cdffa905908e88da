import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/*
 * A token is `kvts_<id>_<secret>`: 8 random bytes that name it, and 32 that nobody can guess. Since they cannot be
 * guessed, a plain SHA-256 keeps them as well as a slow hash would, and a check costs a microsecond.
 */

const shape = /^kvts_([0-9a-f]{16})_([0-9a-f]{64})$/;

export interface NewToken {
  readonly id: string;
  /** What its bearer shows. It is told once, and kept nowhere. */
  readonly text: string;
  /** SHA-256 of the text, in hexadecimal. */
  readonly hash: string;
}

export function makeToken(): NewToken {
  const id = randomBytes(8).toString("hex");
  const text = `kvts_${id}_${randomBytes(32).toString("hex")}`;
  return { id, text, hash: hash("sha256", text, "hex") };
}

/** The id in a token's text; `undefined` for what is none. */
export function idOf(text: string): string | undefined {
  return shape.exec(text)?.[1];
}

/** Whether `text` has this hash, in a time that tells nothing about either. */
export function hasHash(text: string, expected: Uint8Array): boolean {
  return timingSafeEqual(hash("sha256", text, "buffer"), expected);
}
