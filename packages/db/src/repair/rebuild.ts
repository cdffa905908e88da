import { toHex } from "@kvts/common";
import { currentFileName, type FileKind, markFileName, parseFileName } from "../format/filenames.ts";
import { isIncarnation } from "../format/incarnation.ts";
import { writeCurrent } from "../manifest/current.ts";
import { ManifestSyncError } from "../manifest/sync-error.ts";
import { tableMeta } from "../manifest/table-meta.ts";
import type { LeveledTable, VersionEdit } from "../manifest/version-edit.ts";
import { ManifestWriter } from "../manifest/writer.ts";
import { writeMarkFile } from "../marks/mark-file.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import type { Settings } from "../options.ts";
import { LOG_START } from "../wal/format.ts";
import { LogWriter } from "../wal/log-writer.ts";
import { uniteMarks } from "./examine-marks.ts";
import { FileNumbers, numbersOfFiles } from "./file-numbers.ts";
import type { Findings } from "./findings.ts";
import { afterReplay, type KnownState, repairProvenance } from "./known-state.ts";
import { placeTables, type WrittenTable } from "./place-tables.ts";
import type { TablePlan } from "./plan-tables.ts";
import { replayLogs } from "./replay-logs.ts";
import {
  type RepairedFile,
  reportLogs,
  reportManifests,
  reportMarks,
  reportRequestFile,
  reportStrayMarks,
  reportTable,
} from "./report.ts";
import { rewriteTable } from "./rewrite-table.ts";
import { copyCurrent, setOthersAside } from "./set-aside.ts";

interface Written {
  readonly tables: readonly LeveledTable[];
  readonly markFiles: readonly number[];
  readonly operations: number;
  readonly logNumber: number;
  readonly manifest: number;
}

/** A store made anew. */
export interface Rebuilt {
  readonly incarnation: string;
  readonly tables: readonly LeveledTable[];
  readonly operations: number;
  readonly files: readonly RepairedFile[];
}

/**
 * Makes a store of what is whole: new tables first, then an empty log, then a manifest that names them all. Until CURRENT
 * names that one nothing has happened to the old files; from then on they go to lost/, and should that be cut short, the
 * manifest sees to it that it is done later.
 */
export async function rebuild(directory: string, settings: Settings, findings: Findings): Promise<Rebuilt> {
  return await new Rebuild(directory, settings, findings).run();
}

class Rebuild {
  readonly #directory: string;
  readonly #settings: Settings;
  readonly #findings: Findings;
  readonly #numbers: FileNumbers;
  readonly #incarnation: string;
  readonly #tables: WrittenTable[] = [];
  readonly #files: RepairedFile[] = [];

  constructor(directory: string, settings: Settings, findings: Findings) {
    const { fileSystem, randomBytes } = settings.components;
    this.#directory = directory;
    this.#settings = settings;
    this.#findings = findings;
    this.#numbers = new FileNumbers([...findings.used, ...numbersOfFiles(fileSystem, directory)]);
    this.#incarnation = toHex(randomBytes());
  }

  async run(): Promise<Rebuilt> {
    const written = await this.#write();
    await this.#setOthersAside(written);
    const { tables, operations } = written;
    return { incarnation: this.#incarnation, tables, operations, files: this.#files };
  }

  /** Writes the new files, and puts them in force. */
  async #write(): Promise<Written> {
    try {
      for (const plan of this.#findings.plans) await this.#takeTable(plan);
      const { state, operations, marks } = await this.#replayLogs();
      const markFiles = await this.#writeMarks(marks);
      const tables = placeTables(this.#tables);
      const logNumber = await this.#startLog();
      const manifest = await this.#startManifest({ added: tables, logNumber, ...markFiles }, state);
      return { tables, markFiles: markFiles.markFiles ?? [], operations, logNumber, manifest };
    } catch (error) {
      if (!(error instanceof ManifestSyncError)) await this.#discard();
      throw error;
    }
  }

  /** Removes the new files, none of which is in force. */
  async #discard(): Promise<void> {
    const { fileSystem } = this.#settings.components;
    for (const name of fileSystem.list(this.#directory)) {
      if ((parseFileName(name)?.number ?? 0) < this.#numbers.first) continue;
      await fileSystem.remove(`${this.#directory}/${name}`);
    }
  }

  async #takeTable(plan: TablePlan): Promise<void> {
    const { number, action, level, table } = plan;
    let saved = 0;
    if (action === "keep") {
      const meta = tableMeta(table!.properties!, table!.fileBytes);
      this.#tables.push({ level, meta });
      saved = meta.entryCount;
    } else if (action === "rewrite") {
      const { fileSystem } = this.#settings.components;
      const meta = await rewriteTable({
        fileSystem,
        directory: this.#directory,
        from: number,
        to: this.#numbers.take(),
        level,
        compression: this.#settings.tuning.tables.compression,
        provenance: repairProvenance(this.#findings.known, this.#incarnation),
      });
      if (meta !== undefined) this.#tables.push({ level, meta });
      saved = meta?.entryCount ?? 0;
    }
    this.#files.push(reportTable(plan, saved));
  }

  /** What is whole of the files in force, and what the logs have, in one new file. */
  async #writeMarks(logged: readonly RangeMark[]): Promise<Pick<VersionEdit, "markFiles">> {
    const { marks: files } = this.#findings;
    this.#files.push(...files.map((file) => reportMarks(file, false)));
    const marks = uniteMarks([logged, ...files.map(({ marks }) => marks)]);
    if (marks.length === 0) return {};
    const number = this.#numbers.take();
    await writeMarkFile(this.#settings.components.fileSystem, this.#directory, number, this.#incarnation, marks);
    return { markFiles: [number] };
  }

  async #replayLogs(): Promise<{ state: KnownState; operations: number; marks: readonly RangeMark[] }> {
    const { manifest, known, plans } = this.#findings;
    const isCertain = manifest !== undefined;
    const { log, tables, marks, lastTimestamp } = await replayLogs({
      directory: this.#directory,
      settings: this.#settings,
      incarnation: manifest?.numbers.incarnation,
      incarnationsBefore: plans
        .flatMap(({ table }) => table?.properties?.provenance.incarnation ?? [])
        .filter(isIncarnation),
      known,
      isCertain,
      durable: manifest?.numbers.durableLog,
      newIncarnation: this.#incarnation,
      numbers: this.#numbers,
    });
    this.#tables.push(...tables.map((meta) => ({ level: 0, meta })));
    this.#files.push(...reportLogs(log));
    return { state: afterReplay(known, log.lastSeq, lastTimestamp, isCertain), operations: log.operations, marks };
  }

  /** An empty log, whose number says that older ones are not needed. */
  async #startLog(): Promise<number> {
    const writer = await LogWriter.start(
      {
        fileSystem: this.#settings.components.fileSystem,
        directory: this.#directory,
        incarnation: this.#incarnation,
        segmentBytes: this.#settings.tuning.logSegmentBytes,
        growthBytes: 0,
        sparesMax: 0,
        takeFileNumber: () => this.#numbers.take(),
        logger: this.#settings.logger,
      },
      LOG_START,
    );
    const number = writer.segment;
    await writer.close();
    return number;
  }

  /** Writes the new manifest and puts it in force. Returns its number. */
  async #startManifest(contents: VersionEdit, state: KnownState): Promise<number> {
    const { fileSystem } = this.#settings.components;
    const { lastSeq, lastAssigned, retention, erasures } = state;
    const number = this.#numbers.take();
    const temporary = this.#numbers.take();
    if (fileSystem.exists(currentFileName(this.#directory))) {
      await copyCurrent(fileSystem, this.#directory, number);
    }
    const writer = await ManifestWriter.create(fileSystem, this.#directory, number, {
      incarnation: this.#incarnation,
      nextFileNumber: this.#numbers.next,
      seqCeiling: lastSeq,
      timestampCeiling: lastAssigned,
      // Nobody can hold a cursor or a snapshot of what the store was before.
      seqFloor: lastSeq,
      ...(retention.horizons.length === 0 ? {} : retention),
      ...(erasures.length === 0 ? {} : { erasures }),
      ...contents,
      closed: { lastSeq, lastAssigned },
      keepsBelow: this.#numbers.first,
    });
    writer.close();
    // CURRENT must not name a file whose own name is not on disk.
    await fileSystem.syncDirectory(this.#directory);
    await writeCurrent(fileSystem, this.#directory, number, temporary);
    return number;
  }

  async #setOthersAside({ tables, markFiles, logNumber: firstLog, manifest }: Written): Promise<void> {
    const names = await setOthersAside(this.#settings.components.fileSystem, this.#directory, {
      manifest,
      tables: new Set(tables.map(({ meta }) => meta.number)),
      marks: new Set(markFiles),
      firstLog,
    });
    const ofKind = (kind: FileKind) => names.filter((name) => parseFileName(name)?.kind === kind);
    this.#files.unshift(...reportManifests(ofKind("manifest"), this.#findings.problem));
    this.#files.push(...ofKind("requests").map(reportRequestFile));
    const known = new Set(this.#findings.marks.map(({ number }) => markFileName("", number).slice(1)));
    this.#files.push(
      ...ofKind("marks")
        .filter((name) => !known.has(name))
        .map(reportStrayMarks),
    );
  }
}
