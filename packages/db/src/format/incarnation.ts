import { fromHex } from "@kvts/common";

/** A store's incarnation is 16 random bytes, written as 32 hex digits wherever it is text. */
export const INCARNATION_BYTES = 16;

export function incarnationBytes(incarnation: string): Uint8Array {
  const bytes = fromHex(incarnation);
  if (bytes?.length !== INCARNATION_BYTES) {
    throw new Error(`an incarnation is 32 hex digits, not ${JSON.stringify(incarnation)}`);
  }
  return bytes;
}

/** Whether a text is an incarnation at all. */
export function isIncarnation(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}
