import { KvtsError } from "@kvts/common";
import type { JobProvenance } from "../compaction/job.ts";
import type { FileSystem, WritableFile } from "../env/file-system.ts";
import { tableFileName } from "../format/filenames.ts";
import { hashKey, KeyBuffer } from "../format/key-buffer.ts";
import { type TableMeta, tableMeta } from "../manifest/table-meta.ts";
import type { Compression } from "../table/compression.ts";
import { TableBuilder } from "../table/table-builder.ts";
import type { UnfinishedTable } from "../table/unfinished-table.ts";
import type { RestoreOperation } from "./operation.ts";
import { OperationRun } from "./operation-run.ts";

export interface IngestOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** A table is closed at the first key after so many bytes. */
  readonly tableBytesMax: number;
  readonly compression: Compression;
  /** Numbers for the tables, first and how many. */
  readonly firstOutput: number;
  readonly outputsMax: number;
}

/** Where an ingest stands in the order of commits: its rounds have one seq each, from the first on. */
export interface IngestPlace {
  /** Microseconds. */
  readonly timestamp: number;
  readonly firstSeq: number;
}

interface OpenTable {
  readonly file: WritableFile;
  readonly round: number;
  readonly table: UnfinishedTable;
}

/**
 * Tables that are written before it is known where in the order of commits they will stand. They are put on disk but for
 * their last few hundred bytes, which tell timestamp and seq and are written when that is decided.
 *
 * What is added comes in rounds, keys ascending within each; what a later round says of a key holds.
 */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #operation: OperationRun = new OperationRun();
  readonly #key: KeyBuffer = new KeyBuffer();
  /** Tables that lack nothing but their stamps. */
  readonly #tables: OpenTable[] = [];
  #builder: TableBuilder | undefined;
  #file: WritableFile | undefined;
  #used = 0;
  #round = 0;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  /** How many rounds there are, the present one included. */
  get rounds(): number {
    return this.#round + 1;
  }

  get firstOutput(): number {
    return this.#options.firstOutput;
  }

  /** Files that may be there. */
  get used(): number {
    return this.#used;
  }

  beginRound(): void {
    this.#closeTable();
    this.#round++;
  }

  /** At once; a table that has become full is closed with it. */
  add(operation: RestoreOperation): void {
    const key = this.#key;
    key.setBytes(operation.key);
    this.#operation.set(operation);
    this.#builder ??= this.#create();
    this.#builder.startKey(key.i32, 0, key.length, hashKey(key.i32, 0, key.length));
    this.#builder.addVersions(this.#operation.run, 0, 1, this.#operation);
    if (this.#builder.estimatedBytes >= this.#options.tableBytesMax) this.#closeTable();
  }

  /** Puts on disk what there is, so that little is left to do in the end. */
  async sync(): Promise<void> {
    this.#closeTable();
    const { fileSystem, directory } = this.#options;
    await Promise.all(this.#tables.map(({ file }) => file.sync()));
    await fileSystem.syncDirectory(directory);
  }

  /** Writes what the tables lack and puts it on disk. Their files are closed whatever becomes of it. */
  async finish(provenance: JobProvenance, { timestamp, firstSeq }: IngestPlace): Promise<TableMeta[]> {
    const { firstOutput, fileSystem, directory } = this.#options;
    this.#closeTable();
    const last = this.#tables.length - 1;
    const metas = this.#tables.map(({ table, round }, index) => {
      const sisters = { ...provenance, firstOutput, isLastOutput: index === last };
      const properties = table.finish(sisters, { timestamp, seq: firstSeq + round });
      return tableMeta(properties, table.fileBytes);
    });
    await Promise.all(this.#tables.map(({ file }) => file.sync()));
    await fileSystem.syncDirectory(directory);
    this.close();
    return metas;
  }

  /** Closes all files; may be repeated. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#builder = undefined;
    for (const { file } of this.#tables.splice(0)) file.close();
  }

  #create(): TableBuilder {
    const { fileSystem, directory, firstOutput, outputsMax, compression } = this.#options;
    if (this.#used >= outputsMax) {
      throw new KvtsError("TOO_LARGE", `one restore writes ${outputsMax} tables at most; restore smaller ranges`);
    }
    const fileNumber = firstOutput + this.#used++;
    this.#file = fileSystem.create(tableFileName(directory, fileNumber));
    return new TableBuilder(this.#file, { fileNumber, level: 0, compression });
  }

  #closeTable(): void {
    if (this.#builder === undefined) return;
    this.#tables.push({ file: this.#file!, round: this.#round, table: this.#builder.finishBody() });
    this.#file = undefined;
    this.#builder = undefined;
  }
}
