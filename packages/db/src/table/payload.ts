import { META_EXPIRES, META_EXTENT, META_LENGTH_SHIFT } from "../format/version-record.ts";
import { EXPIRY_WORDS, EXTENT_DESCRIPTOR_WORDS } from "./extent.ts";

/** Words at a record's pointer: the expiry, then the value or the descriptor of its extent. */
export function payloadWords(meta: number): number {
  const expiry = (meta & META_EXPIRES) === 0 ? 0 : EXPIRY_WORDS;
  return expiry + ((storedPayloadBytes(meta) + 3) >>> 2);
}

/** What is left of a payload on disk: the bytes of the value, or of the descriptor. */
export function storedPayloadBytes(meta: number): number {
  return (meta & META_EXTENT) === 0 ? meta >>> META_LENGTH_SHIFT : EXTENT_DESCRIPTOR_WORDS * 4;
}
