import { insertFrame } from "../commit/memory-insert.ts";
import type { JobProvenance } from "../compaction/job.ts";
import { NO_FLOORS } from "../compaction/key-floors.ts";
import { unpaced } from "../compaction/pacer.ts";
import { joinWords } from "../format/version-record.ts";
import { Layers } from "../layers.ts";
import type { TableMeta } from "../manifest/table-meta.ts";
import { Version } from "../manifest/version.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import { ArenaPool } from "../memtable/arena-pool.ts";
import type { Settings } from "../options.ts";
import type { LogPosition } from "../wal/format.ts";
import type { Frame } from "../wal/frame.ts";
import { type SalvagedLog, salvageLog } from "../wal/log-salvage.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import type { FileNumbers } from "./file-numbers.ts";
import { afterReplay, type KnownState, mayBeAssigned, repairProvenance } from "./known-state.ts";

/** Output tables that one memtable may need beyond its share of bytes. */
const OUTPUTS_SPARE = 16;

/** Where the logs are, and what is known of them. */
export interface ReplaySource {
  readonly directory: string;
  readonly settings: Settings;
  /** The store's until now, where that is known, and those that it had at some time. */
  readonly incarnation: string | undefined;
  readonly incarnationsBefore: readonly string[];
  readonly known: KnownState;
  /** Whether `known` comes from a sound manifest. */
  readonly isCertain: boolean;
  /** How far a sound manifest says that the log is on disk. */
  readonly durable: LogPosition | undefined;
  /** The one that the store is to have from now on. */
  readonly newIncarnation: string;
  readonly numbers: FileNumbers;
}

export interface ReplayedLogs {
  readonly log: SalvagedLog;
  /** New tables with everything that the logs held. */
  readonly tables: readonly TableMeta[];
  /** The range marks that the logs held, ascending by seq. */
  readonly marks: readonly RangeMark[];
  /** The greatest timestamp in the logs that may have been assigned; 0 for none. */
  readonly lastTimestamp: number;
}

/** Replays what is whole of the logs, and writes it to tables, a full memtable at a time. */
export async function replayLogs(source: ReplaySource): Promise<ReplayedLogs> {
  const { directory, settings, incarnation, incarnationsBefore, known, isCertain } = source;
  const { fileSystem } = settings.components;
  const replay = new Replay(source);
  try {
    const { logNumber } = known;
    const log = await salvageLog(
      {
        fileSystem,
        directory,
        incarnation,
        incarnationsBefore,
        logNumber,
        isExact: isCertain,
        durable: source.durable,
      },
      (frame) => replay.take(frame),
    );
    await replay.finish();
    return { log, tables: replay.tables, marks: replay.marks, lastTimestamp: replay.lastTimestamp };
  } finally {
    replay.close();
  }
}

class Replay {
  readonly tables: TableMeta[] = [];
  lastTimestamp = 0;
  #lastSeq = 0;
  readonly #source: ReplaySource;
  readonly #layers: Layers;
  readonly #noTables: Version = Version.of([]);
  readonly #cursor: OperationCursor = new OperationCursor();
  readonly #now: number;

  constructor(source: ReplaySource) {
    this.#source = source;
    const { settings } = source;
    this.#now = settings.components.clock.now();
    this.#layers = new Layers(new ArenaPool({ arenaBytes: settings.memory.memtableBytes }), this.#noTables, 0);
  }

  get marks(): readonly RangeMark[] {
    return this.#layers.marks.between(0, Number.POSITIVE_INFINITY);
  }

  async take(frame: Frame): Promise<void> {
    this.#lastSeq = frame.firstSeq + frame.operationCount - 1;
    this.#noteTimestamps(frame);
    await insertFrame(frame, this.#layers, 0, this.#source.settings.components.scheduler);
    await this.#flush();
  }

  async finish(): Promise<void> {
    if (this.#layers.active.entryCount === 0) return;
    this.#layers.freeze(0);
    await this.#flush();
  }

  close(): void {
    this.#layers.close();
  }

  #noteTimestamps(frame: Frame): void {
    const { known } = this.#source;
    const cursor = this.#cursor.open(frame);
    while (cursor.next()) {
      const timestamp = joinWords(cursor.tsHi, cursor.tsLo);
      if (timestamp > this.lastTimestamp && mayBeAssigned(timestamp, known, this.#now)) this.lastTimestamp = timestamp;
    }
  }

  #provenance(): JobProvenance {
    const { known, isCertain, newIncarnation } = this.#source;
    return repairProvenance(afterReplay(known, this.#lastSeq, this.lastTimestamp, isCertain), newIncarnation);
  }

  async #flush(): Promise<void> {
    const { directory, settings, numbers } = this.#source;
    for (let live = this.#layers.frozen[0]; live !== undefined; live = this.#layers.frozen[0]) {
      const { tables } = settings.tuning;
      const outputsMax = Math.ceil(live.memtable.bytesUsed / tables.tableBytesMax) * 2 + OUTPUTS_SPARE;
      const result = await settings.components.runner.run({
        directory,
        memtables: [live.memtable.transfer()],
        tables: [],
        firstOutput: numbers.take(outputsMax),
        outputsMax,
        outputLevel: 0,
        pins: [],
        dropsRetracts: false,
        floors: NO_FLOORS,
        erasures: [],
        keysApart: [],
        settings: tables,
        provenance: this.#provenance(),
        urgent: true,
        pace: unpaced(),
      });
      this.tables.push(...result.tables);
      this.#layers.install(this.#noTables, live);
    }
  }
}
