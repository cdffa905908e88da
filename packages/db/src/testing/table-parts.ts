import { ENVELOPE_BYTES, fillEnvelope } from "../table/envelope.ts";
import { decodeFooter, FOOTER_BYTES, sectionOffsets } from "../table/footer.ts";

/** An envelope in a table's file: a block, a chunk of an extent, or a section behind them. */
export interface TablePart {
  readonly kind: number;
  readonly offset: number;
  /** Bytes, the envelope's own included. */
  readonly length: number;
}

/** All envelopes of a sound table: blocks and chunks in their order, then filter, index and properties. */
export function tableParts(bytes: Uint8Array): TablePart[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const footerOffset = bytes.length - FOOTER_BYTES;
  const footer = decodeFooter(bytes.subarray(footerOffset), "table", footerOffset);
  const { filter, index, properties } = sectionOffsets(footer);
  const parts: TablePart[] = [];
  const add = (offset: number, length: number) => parts.push({ kind: bytes[offset + 5]!, offset, length });
  for (let offset = 0; offset < footer.dataBytes; ) {
    const length = ENVELOPE_BYTES + view.getUint32(offset + 8, true);
    add(offset, length);
    offset += length;
  }
  add(filter, footer.filterBytes);
  add(index, footer.indexBytes);
  add(properties, footer.propertiesBytes);
  return parts;
}

/** What an uncompressed part holds, to be changed in place; {@link sealPart} makes its checksum right again. */
export function payloadOf(bytes: Uint8Array<ArrayBuffer>, { offset, length }: TablePart): Uint8Array<ArrayBuffer> {
  return bytes.subarray(offset + ENVELOPE_BYTES, offset + length);
}

/** @param number of the table. */
export function sealPart(bytes: Uint8Array<ArrayBuffer>, part: TablePart, number: number): void {
  const payload = payloadOf(bytes, part);
  const header = bytes.subarray(part.offset, part.offset + ENVELOPE_BYTES);
  fillEnvelope(header, part.kind, 0, payload.length, number, part.offset, payload);
}
