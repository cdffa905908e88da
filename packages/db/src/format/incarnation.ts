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
