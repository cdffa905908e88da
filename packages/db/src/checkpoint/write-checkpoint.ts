import { type CheckpointReport, toHex } from "@kvts/common";
import { tableFileName } from "../format/filenames.ts";
import { writeCurrent } from "../manifest/current.ts";
import type { TableFile } from "../manifest/table-file.ts";
import { retentionOf, type VersionEdit } from "../manifest/version-edit.ts";
import { ManifestWriter } from "../manifest/writer.ts";
import { writeMarkFile } from "../marks/mark-file.ts";
import type { Settings } from "../options.ts";
import { LOG_START, type LogPosition } from "../wal/format.ts";
import { LogWriter } from "../wal/log-writer.ts";
import type { StoreMoment } from "./moment.ts";
import { shareTable } from "./share-table.ts";
import { transcribeLog } from "./transcribe-log.ts";

export interface CheckpointSource {
  readonly directory: string;
  readonly settings: Settings;
  readonly moment: StoreMoment;
}

/** What a checkpoint has been made of. */
export type WrittenCheckpoint = Omit<CheckpointReport, "directory" | "seq" | "elapsedMs">;

/**
 * Makes a store in `target`, an empty directory, that holds what `source` held at its moment: tables first, then the log,
 * then a manifest that names them, then CURRENT. Everything is on disk when it resolves.
 *
 * It is a store of its own from here on, with a new incarnation: both will give out the same seqs for different writes,
 * and what was handed out by one must not be taken by the other.
 * @param each called between any two pieces of the work; what it throws ends it
 */
export async function writeCheckpoint(
  source: CheckpointSource,
  target: string,
  each: () => void,
): Promise<WrittenCheckpoint> {
  return await new CheckpointWriter(source, target, each).run();
}

class CheckpointWriter {
  readonly #source: CheckpointSource;
  readonly #target: string;
  readonly #each: () => void;
  readonly #incarnation: string;
  /** Above all numbers that the tables' footers may name. */
  #nextNumber: number;

  constructor(source: CheckpointSource, target: string, each: () => void) {
    this.#source = source;
    this.#target = target;
    this.#each = each;
    this.#incarnation = toHex(source.settings.components.randomBytes());
    this.#nextNumber = source.moment.numbers.nextFileNumber;
  }

  async run(): Promise<WrittenCheckpoint> {
    const tables = this.#source.moment.version.tables();
    const shared = await this.#shareTables(tables.map(({ file }) => file));
    const markFiles = await this.#writeMarks();
    const { logNumber, logEnd, operations, bytes } = await this.#writeLog();
    this.#each();
    const added = tables.map(({ level, file }) => ({ level, meta: file.meta }));
    await this.#writeManifest({ added, logNumber, durableLog: logEnd, ...markFiles });
    return { incarnation: this.#incarnation, tables: tables.length, ...shared, operations, logBytes: bytes };
  }

  async #shareTables(files: readonly TableFile[]): Promise<{ linkedBytes: number; copiedBytes: number }> {
    const { directory, settings } = this.#source;
    const { fileSystem, scheduler } = settings.components;
    let linkedBytes = 0;
    let copiedBytes = 0;
    for (const { meta } of files) {
      this.#each();
      const from = tableFileName(directory, meta.number);
      const how = await shareTable(fileSystem, from, tableFileName(this.#target, meta.number), this.#each);
      if (how === "linked") linkedBytes += meta.fileBytes;
      else copiedBytes += meta.fileBytes;
      await scheduler.nextTurn();
    }
    return { linkedBytes, copiedBytes };
  }

  async #writeLog(): Promise<{ logNumber: number; logEnd: LogPosition; operations: number; bytes: number }> {
    const { directory, settings, moment } = this.#source;
    const { fileSystem, scheduler } = settings.components;
    const writer = await LogWriter.start(
      {
        fileSystem,
        directory: this.#target,
        incarnation: this.#incarnation,
        segmentBytes: settings.tuning.logSegmentBytes,
        growthBytes: 0,
        sparesMax: 0,
        takeFileNumber: () => this.#nextNumber++,
        logger: settings.logger,
      },
      LOG_START,
    );
    const logNumber = writer.segment;
    const { incarnation } = moment.numbers;
    const part = { fileSystem, directory, incarnation, segments: moment.logs, end: moment.logEnd };
    try {
      const transcribed = await transcribeLog(part, writer, scheduler, this.#each);
      await writer.sync();
      return { logNumber, logEnd: { segment: writer.durableSegment, offset: writer.durableOffset }, ...transcribed };
    } finally {
      await writer.close();
    }
  }

  /** In one file of its own: those of the store are folded and removed as it goes on. */
  async #writeMarks(): Promise<Pick<VersionEdit, "markFiles">> {
    const { marks } = this.#source.moment;
    if (marks.length === 0) return {};
    const { fileSystem } = this.#source.settings.components;
    const number = this.#nextNumber++;
    await writeMarkFile(fileSystem, this.#target, number, this.#incarnation, marks);
    return { markFiles: [number] };
  }

  async #writeManifest(contents: VersionEdit): Promise<void> {
    const { settings, moment } = this.#source;
    const { fileSystem } = settings.components;
    const { lastSeq, lastAssigned, numbers } = moment;
    const number = this.#nextNumber++;
    const temporary = this.#nextNumber++;
    const writer = await ManifestWriter.create(fileSystem, this.#target, number, {
      incarnation: this.#incarnation,
      nextFileNumber: this.#nextNumber,
      seqCeiling: lastSeq,
      timestampCeiling: lastAssigned,
      seqFloor: numbers.seqFloor,
      ...retentionOf(numbers),
      ...(numbers.erasures === undefined ? {} : { erasures: numbers.erasures }),
      ...contents,
      closed: { lastSeq, lastAssigned },
    });
    writer.close();
    // CURRENT must not name a file whose own name is not on disk; nor that of a table or log that the file names.
    await fileSystem.syncDirectory(this.#target);
    await writeCurrent(fileSystem, this.#target, number, temporary);
  }
}
