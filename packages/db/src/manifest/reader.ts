import { KvtsError } from "@kvts/common";
import { crc32 } from "../format/checksum.ts";
import { ByteReader } from "../format/coding.ts";
import { corruption } from "../format/corruption.ts";
import { MANIFEST_FORMAT_VERSION, MANIFEST_HEADER_BYTES, MANIFEST_MAGIC, RECORD_HEADER_BYTES } from "./format.ts";
import { decodeEdit, type VersionEdit } from "./version-edit.ts";

export interface ManifestContents {
  readonly edits: readonly VersionEdit[];
  /** Bytes of a last record that is not whole: written when the process or machine stopped, never counted on. */
  readonly tornBytes: number;
}

/**
 * Reads a whole manifest. A bad record is a torn tail where no whole record follows it, and damage where one does.
 * @throws CORRUPTION with file and offset
 */
export function readManifest(bytes: Uint8Array, file: string): ManifestContents {
  checkHeader(bytes, file);
  const edits: VersionEdit[] = [];
  let offset = MANIFEST_HEADER_BYTES;
  while (offset < bytes.length) {
    const length = wholeRecordAt(bytes, offset);
    if (length === undefined) {
      checkTornTail(bytes, offset, file);
      break;
    }
    const start = offset + RECORD_HEADER_BYTES;
    edits.push(decodeEdit(bytes.subarray(start, start + length), file, start));
    offset = start + length;
  }
  if (edits.length === 0) throw corruption(file, MANIFEST_HEADER_BYTES, "it holds no whole record");
  return { edits, tornBytes: bytes.length - offset };
}

function checkHeader(bytes: Uint8Array, file: string): void {
  const reader = new ByteReader(bytes, file);
  const magic = reader.bytes(MANIFEST_MAGIC.length);
  const version = reader.u32();
  if (!magic.every((byte, i) => byte === MANIFEST_MAGIC[i]))
    throw corruption(file, 0, "it does not begin as a manifest");
  if (reader.u32() !== crc32(bytes.subarray(0, MANIFEST_HEADER_BYTES - 4))) {
    throw corruption(file, 0, "the checksum of its header does not match");
  }
  if (version !== MANIFEST_FORMAT_VERSION) {
    throw new KvtsError(
      "CORRUPTION",
      `${file} has format version ${version}, and this version of kvts reads ${MANIFEST_FORMAT_VERSION}; open it with the version that wrote it`,
      { details: { file, offset: MANIFEST_MAGIC.length } },
    );
  }
}

/** The payload length of the record at `offset`, or undefined where none is whole there. */
function wholeRecordAt(bytes: Uint8Array, offset: number): number | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  const length = view.getUint32(4, true);
  const end = offset + RECORD_HEADER_BYTES + length;
  if (length === 0 || end > bytes.length) return undefined;
  return crc32(bytes.subarray(offset + 4, end)) === view.getUint32(0, true) ? length : undefined;
}

/** Edits are synced one by one, so a whole record behind a bad one proves that the bad one was whole once. */
function checkTornTail(bytes: Uint8Array, offset: number, file: string): void {
  for (let later = offset + 1; later + RECORD_HEADER_BYTES < bytes.length; later++) {
    if (wholeRecordAt(bytes, later) !== undefined) {
      throw corruption(file, offset, "a record is broken, and whole ones follow it");
    }
  }
}
