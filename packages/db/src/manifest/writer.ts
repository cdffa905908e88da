import type { FileSystem, WritableFile } from "../env/file-system.ts";
import { manifestFileName } from "../format/filenames.ts";
import { HEADER_CRC_OFFSET } from "./format.ts";
import { encodeManifestHeader, encodeRecord } from "./record.ts";
import { ManifestSyncError } from "./sync-error.ts";
import { encodeEdit, type VersionEdit } from "./version-edit.ts";

/** Appends edits to one manifest file, one at a time. An edit counts once `append` has resolved. */
export class ManifestWriter {
  readonly number: number;
  readonly #file: WritableFile;
  readonly #seed: number;
  #bytes: number;
  #records = 1;

  private constructor(number: number, file: WritableFile, seed: number, bytes: number) {
    this.number = number;
    this.#file = file;
    this.#seed = seed;
    this.#bytes = bytes;
  }

  /**
   * A new file that begins with `snapshot`, a whole state; synced, not yet named by CURRENT. Where this fails, a file
   * that nobody needs may be left.
   * @throws the system's error
   */
  static async create(
    fileSystem: FileSystem,
    directory: string,
    number: number,
    snapshot: VersionEdit & { readonly incarnation: string },
  ): Promise<ManifestWriter> {
    const header = encodeManifestHeader(number, snapshot.incarnation);
    const seed = new DataView(header.buffer).getUint32(HEADER_CRC_OFFSET, true);
    const record = encodeRecord(encodeEdit(snapshot), 0, seed);
    const file = fileSystem.create(manifestFileName(directory, number));
    try {
      await file.write(header, 0);
      await file.write(record, header.length);
      await file.sync();
    } catch (error) {
      file.close();
      throw error;
    }
    return new ManifestWriter(number, file, seed, header.length + record.length);
  }

  /** Bytes in the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes and syncs.
   * @throws the system's error where writing failed, and nothing has happened; ManifestSyncError where nobody knows
   */
  async append(edit: VersionEdit): Promise<void> {
    const record = encodeRecord(encodeEdit(edit), this.#records, this.#seed);
    try {
      await this.#file.write(record, this.#bytes);
    } catch (error) {
      this.#takeBack(error);
      throw error;
    }
    try {
      await this.#file.sync();
    } catch (cause) {
      throw new ManifestSyncError(cause);
    }
    this.#bytes += record.length;
    this.#records++;
  }

  close(): void {
    this.#file.close();
  }

  /** Makes sure that a record whose write failed is never read. */
  #takeBack(cause: unknown): void {
    try {
      this.#file.truncate(this.#bytes);
    } catch {
      throw new ManifestSyncError(cause);
    }
  }
}
