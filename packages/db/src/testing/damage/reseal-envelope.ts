import { crc32 } from "../../format/checksum.ts";
import { placeMask } from "../../table/envelope.ts";

/** Gives an envelope at `offset` of table `number` the checksum of what is in it now. */
export function resealEnvelope(envelope: Uint8Array, number: number, offset: number): void {
  const mask = placeMask(envelope[5]!, number, offset);
  const crc = (crc32(envelope.subarray(4)) ^ mask) >>> 0;
  new DataView(envelope.buffer, envelope.byteOffset).setUint32(0, crc, true);
}
