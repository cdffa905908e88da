import type { FileSystem, WritableFile } from "../env/file-system.ts";
import { crc32 } from "../format/checksum.ts";
import { ByteWriter } from "../format/coding.ts";
import { manifestFileName } from "../format/filenames.ts";
import { MANIFEST_FORMAT_VERSION, MANIFEST_MAGIC, RECORD_HEADER_BYTES } from "./format.ts";
import { encodeEdit, type VersionEdit } from "./version-edit.ts";

/** Appends edits to one manifest file. An edit counts once `append` has resolved. */
export class ManifestWriter {
  readonly number: number;
  readonly #file: WritableFile;
  #bytes = 0;

  private constructor(number: number, file: WritableFile) {
    this.number = number;
    this.#file = file;
  }

  /** A new file that begins with `snapshot`, a whole state; synced, not yet named by CURRENT. */
  static async create(
    fileSystem: FileSystem,
    directory: string,
    number: number,
    snapshot: VersionEdit,
  ): Promise<ManifestWriter> {
    const writer = new ManifestWriter(number, fileSystem.create(manifestFileName(directory, number)));
    try {
      const header = new ByteWriter();
      header.bytes(MANIFEST_MAGIC);
      header.u32(MANIFEST_FORMAT_VERSION);
      header.u32(crc32(header.view()));
      writer.#write(header.view());
      await writer.append(snapshot);
    } catch (error) {
      writer.close();
      throw error;
    }
    return writer;
  }

  /** Bytes in the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes and syncs. Where writing fails nothing has happened; where syncing fails, nobody knows.
   * @throws ManifestSyncError, or the system's error of a failed write
   */
  async append(edit: VersionEdit): Promise<void> {
    const payload = encodeEdit(edit);
    const record = new ByteWriter(payload.length + RECORD_HEADER_BYTES);
    record.u32(0);
    record.u32(payload.length);
    record.bytes(payload);
    record.setU32(0, crc32(record.view().subarray(4)));
    this.#write(record.view());
    try {
      await this.#file.sync();
    } catch (cause) {
      throw new ManifestSyncError(cause);
    }
  }

  close(): void {
    this.#file.close();
  }

  #write(bytes: Uint8Array): void {
    this.#file.writeSync(bytes, this.#bytes);
    this.#bytes += bytes.length;
  }
}

/** The manifest may or may not hold its last edit: nothing that either state names may be removed. */
export class ManifestSyncError extends Error {
  constructor(cause: unknown) {
    super("the manifest could not be synced", { cause });
  }
}
