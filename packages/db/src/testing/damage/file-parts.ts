import { parseFileName } from "../../format/filenames.ts";
import { MANIFEST_HEADER_BYTES, RECORD_HEADER_BYTES } from "../../manifest/format.ts";
import { alignRecord } from "../../manifest/record.ts";
import { MARK_HEADER_BYTES } from "../../marks/mark-file.ts";
import { recordBytesAt } from "../../marks/mark-record.ts";
import { ENVELOPE_BYTES, storedBytesAt } from "../../table/envelope.ts";
import { decodeFooter, FOOTER_BYTES, sectionOffsets } from "../../table/footer.ts";
import { FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES, SEGMENT_HEADER_BYTES } from "../../wal/format.ts";
import type { FilePart } from "./byte-damages.ts";

/** The structures of an undamaged file, told by its name: envelopes, frames or records, whatever else stands around them. */
export function partsOf(name: string, bytes: Uint8Array): FilePart[] {
  switch (parseFileName(name)?.kind) {
    case "table":
      return tableParts(bytes);
    case "log":
      return logParts(bytes);
    case "manifest":
      return manifestParts(bytes);
    case "marks":
      return markParts(bytes);
    default:
      return [];
  }
}

function tableParts(bytes: Uint8Array): FilePart[] {
  const footerOffset = bytes.length - FOOTER_BYTES;
  const footer = decodeFooter(bytes.subarray(footerOffset), "a table", footerOffset);
  const { filter, index, properties } = sectionOffsets(footer);
  const parts: FilePart[] = [];
  for (let offset = 0; offset < footer.dataBytes; ) {
    const length = ENVELOPE_BYTES + storedBytesAt(bytes.subarray(offset));
    parts.push({ offset, length });
    offset += length;
  }
  return [
    ...parts,
    { offset: filter, length: footer.filterBytes },
    { offset: index, length: footer.indexBytes },
    { offset: properties, length: footer.propertiesBytes },
  ];
}

function logParts(bytes: Uint8Array): FilePart[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: FilePart[] = [];
  for (let offset = SEGMENT_HEADER_BYTES; offset + FRAME_HEADER_BYTES <= bytes.length; ) {
    const payloadBytes = view.getUint32(offset + FRAME_PAYLOAD_BYTES * 4, true);
    const length = FRAME_HEADER_BYTES + payloadBytes;
    if (payloadBytes === 0 || offset + length > bytes.length) break;
    parts.push({ offset, length });
    offset += length;
  }
  return parts;
}

function manifestParts(bytes: Uint8Array): FilePart[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: FilePart[] = [];
  for (let offset = MANIFEST_HEADER_BYTES; offset + RECORD_HEADER_BYTES <= bytes.length; ) {
    const length = RECORD_HEADER_BYTES + view.getUint32(offset + 8, true);
    parts.push({ offset, length });
    offset = alignRecord(offset + length);
  }
  return parts;
}

function markParts(bytes: Uint8Array): FilePart[] {
  const parts: FilePart[] = [];
  for (let offset = MARK_HEADER_BYTES; offset < bytes.length; ) {
    const length = recordBytesAt(bytes, offset);
    parts.push({ offset, length });
    offset += length;
  }
  return parts;
}
