import { isKvtsError } from "@kvts/common";
import { corruption } from "../format/corruption.ts";
import { MANIFEST_HEADER_BYTES, RECORD_ALIGNMENT, RECORD_HEADER_BYTES } from "./format.ts";
import { alignRecord, checkManifestHeader, recordIndexAt, recordPayloadAt } from "./record.ts";
import { decodeEdit, type VersionEdit } from "./version-edit.ts";

export interface ManifestRecord {
  readonly edit: VersionEdit;
  /** Where the record begins in the file, for errors. */
  readonly offset: number;
}

export interface ManifestContents {
  readonly records: readonly ManifestRecord[];
  /** Bytes of a last record that is not whole: written when the process or machine stopped, never counted on. */
  readonly tornBytes: number;
}

/**
 * The records of a manifest, one by one; in the end, the bytes of a last one that is not whole. Each record is on disk
 * before the next is written, so a broken one was whole once where a later one has so much as a header: that is damage.
 * Otherwise it is a torn tail, and left out. The first record is on disk before CURRENT names the file, so it is never torn.
 * @param number of the manifest, as CURRENT and its name have it.
 * @throws CORRUPTION with file and offset; UNIMPLEMENTED for what a newer kvts wrote
 */
export function* manifestRecords(bytes: Uint8Array, number: number, file: string): Generator<ManifestRecord, number> {
  const seed = checkManifestHeader(bytes, number, file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let records = 0;
  let offset = MANIFEST_HEADER_BYTES;
  while (offset < bytes.length) {
    const index = recordIndexAt(view, bytes, offset, seed);
    const payload = index === records ? recordPayloadAt(view, bytes, offset) : undefined;
    if (payload === undefined) break;
    const start = offset + RECORD_HEADER_BYTES;
    yield { edit: decodeEdit(payload, file, start), offset };
    records++;
    offset = alignRecord(start + payload.length);
  }
  if (records === 0) throw corruption(file, MANIFEST_HEADER_BYTES, "its first record is not whole");
  for (let later = offset; later < bytes.length; later += RECORD_ALIGNMENT) {
    const index = recordIndexAt(view, bytes, later, seed);
    if (index !== undefined && index > records) {
      throw corruption(file, offset, "a record is not whole, and what follows proves that it was");
    }
  }
  // The padding of the last record may be missing.
  return Math.max(0, bytes.length - offset);
}

/** Reads a whole manifest at once, as {@link manifestRecords} does. */
export function readManifest(bytes: Uint8Array, number: number, file: string): ManifestContents {
  const records: ManifestRecord[] = [];
  const walk = manifestRecords(bytes, number, file);
  for (let next = walk.next(); ; next = walk.next()) {
    if (next.done === true) return { records, tornBytes: next.value };
    records.push(next.value);
  }
}

/**
 * The records of a damaged manifest up to the damage, whatever it is.
 * @throws UNIMPLEMENTED for what a newer kvts wrote
 */
export function salvageManifest(bytes: Uint8Array, number: number, file: string): readonly ManifestRecord[] {
  const records: ManifestRecord[] = [];
  try {
    for (const record of manifestRecords(bytes, number, file)) records.push(record);
  } catch (error) {
    if (!isKvtsError(error, "CORRUPTION")) throw error;
  }
  return records;
}
