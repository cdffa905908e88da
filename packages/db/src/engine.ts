import {
  type BytesInput,
  type EncodedPrecondition,
  encodeValue,
  KvtsError,
  type Operation,
  type StoreStats,
  type WriteResult,
} from "@kvts/common";
import { Background, REST_FILL_MIN } from "./background/background.ts";
import { saveSideFiles } from "./background/side-files.ts";
import type { StoreMoment } from "./checkpoint/moment.ts";
import { type CheckpointReport, Checkpoints } from "./checkpoint.ts";
import { Ceilings } from "./commit/ceilings.ts";
import { CommitQueue } from "./commit/commit-queue.ts";
import { WaitingRoom } from "./commit/waiting-room.ts";
import { WriteGate } from "./commit/write-gate.ts";
import { WritePath } from "./commit/write-path.ts";
import { engineStats } from "./engine-stats.ts";
import { Fairness } from "./env/fairness.ts";
import { Inspection } from "./inspection.ts";
import { fullDiskError, isDiskFull, storeError } from "./io-error.ts";
import { type Pin, Pins } from "./read/pins.ts";
import type { ReadSource } from "./read/read-source.ts";
import type { Recovered, Recovery } from "./recovered.ts";
import { Reserve } from "./reserve.ts";
import type { VerifyOptions, VerifyReport } from "./verify/report.ts";

const NO_CONDITIONS: readonly EncodedPrecondition[] = [];

/**
 * A running store: wires the parts together and passes calls on. Each part owns its state (docs/internals.md, "Who owns
 * what"); this one owns only whether the store is open.
 */
export class Engine {
  readonly recovery: Recovery;
  readonly #parts: Recovered;
  readonly #pins: Pins;
  readonly #queue: CommitQueue;
  readonly #gate: WriteGate;
  readonly #gateRoom: WaitingRoom;
  readonly #flushRoom: WaitingRoom;
  readonly #path: WritePath;
  readonly #background: Background;
  readonly #reserve: Reserve;
  readonly #inspection: Inspection;
  readonly #checkpoints: Checkpoints;
  readonly #fairness: Fairness = new Fairness();
  /** Microseconds, by the store's clock. */
  readonly #openedAt: number;
  #closing: Promise<void> | undefined;

  constructor(parts: Recovered) {
    const { settings, layers, versions, logs } = parts;
    const { tuning } = settings;
    const { scheduler } = settings.components;
    this.#parts = parts;
    this.#openedAt = settings.components.clock.now();
    this.recovery = parts.recovery;
    this.#pins = new Pins(() => scheduler.monotonicMs(), versions.numbers.seqFloor);
    // On a full disk nothing is flushed or merged before there is room: waiting for it would only hide the reason.
    const fullDisk = (): KvtsError | undefined => {
      if (this.#reserve.isReleased) return fullDiskError();
      const { lastError } = this.#background;
      return lastError?.code === "NO_SPACE" ? lastError : undefined;
    };
    this.#gateRoom = new WaitingRoom(scheduler, settings.stallTimeoutMs, () => this.#stallReason(), fullDisk);
    this.#flushRoom = new WaitingRoom(
      scheduler,
      settings.stallTimeoutMs,
      () => (layers.frozen.length >= tuning.frozenMemtablesMax ? "memory waits to be flushed" : undefined),
      fullDisk,
    );
    this.#gate = new WriteGate(this.#gateRoom);
    this.#path = new WritePath({
      settings,
      layers,
      logs,
      flushRoom: this.#flushRoom,
      level0Tables: () => versions.current.levels[0]!.files.length,
      frozen: () => this.#background.poke(),
      failed: (error) => this.#noticeFullDisk(error),
    });
    const ceilings = new Ceilings(versions.numbers, async (values) => {
      try {
        layers.install(await versions.logAndApply(values));
      } catch (error) {
        this.#refuseInDoubt();
        this.#noticeFullDisk(error);
        throw error;
      }
    });
    const { requests, requestFiles, markFiles, lastSeq, lastAssigned } = parts;
    const published = (): void => {
      // A frozen memtable may be flushed once all of it is published.
      if (layers.frozen.length > 0) this.#background.poke();
      else if (layers.activeFill >= REST_FILL_MIN) this.#background.awaitRest();
    };
    const view = () => layers.view;
    this.#queue = new CommitQueue(settings, this.#gate, ceilings, this.#path, {
      requests,
      view,
      lastSeq,
      lastAssigned,
      published,
      stopped: (failure) => this.#background.refuseFlushes(failure),
    });
    this.#background = new Background({
      directory: parts.directory,
      settings,
      layers,
      versions,
      pins: this.#pins,
      counters: () => this.#queue.counters(),
      openTable: (meta) => parts.tables.open(meta),
      obsoleteTables: () => parts.tables.obsolete(),
      releaseLogs: (oldest) => this.#releaseLogs(oldest),
      changed: () => {
        this.#flushRoom.changed();
        this.#gate.changed();
        this.#reserve.poke();
      },
      freeze: () => this.#freezeAtRest(),
      saveSideFiles: (upTo) =>
        saveSideFiles([() => requestFiles.save(upTo, this.now()), () => markFiles.save(layers.marks, upTo)]),
      failed: () => this.#refuseInDoubt(),
      fullDisk: () => this.#reserve.release(),
    });
    this.#reserve = new Reserve(
      {
        fileSystem: settings.components.fileSystem,
        directory: parts.directory,
        scheduler,
        logger: settings.logger,
        bytes: settings.reserveBytes,
        tableBytes: () => versions.current.tables().reduce((sum, { file }) => sum + file.meta.fileBytes, 0),
        changed: () => this.#gate.changed(),
      },
      parts.reserveWasReleased && settings.reserveBytes > 0,
    );
    this.#reserve.poke();
    this.#checkpoints = new Checkpoints({ directory: parts.directory, settings, moment: () => this.#moment() });
    this.#inspection = new Inspection(parts);
    this.#background.poke();
  }

  now(): number {
    return this.#parts.settings.components.clock.now();
  }

  put(
    key: BytesInput,
    value: BytesInput,
    timestamp: number | undefined,
    expiresAt: number | undefined,
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    // In the queue no value stands for a delete. Strings are checked as they are encoded.
    const checked = typeof value === "string" ? value : encodeValue(value);
    return this.#queue.submit({ key, value: checked, timestamp, expiresAt, requestId, preconditions });
  }

  delete(
    key: BytesInput,
    timestamp: number | undefined,
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    return this.#queue.submit({ key, value: undefined, timestamp, expiresAt: undefined, requestId, preconditions });
  }

  /** Hides what was written at exactly this timestamp; what came before it shows again. */
  retract(
    key: BytesInput,
    timestamp: number,
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    const [value, expiresAt] = [undefined, undefined];
    return this.#queue.submit({ key, value, retracts: true, timestamp, expiresAt, requestId, preconditions });
  }

  write(
    operations: readonly Operation[],
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    return this.#queue.submitBatch(operations, requestId, preconditions);
  }

  /** What reads see: the newest state, or a pinned seq. */
  readSource(pin?: Pin): ReadSource {
    const { layers, settings } = this.#parts;
    const now = () => settings.components.clock.now();
    const begun = now();
    return {
      fairness: this.#fairness,
      manyReads: () => this.#background.poke(),
      view: () => {
        this.#checkOpen();
        return layers.view;
      },
      seq: () => {
        this.#checkOpen();
        if (pin?.isReleased === true) throw new KvtsError("CLOSED", "the snapshot is closed; open another one");
        return pin?.seq ?? this.#queue.publishedSeq;
      },
      pin: (seq) => this.#pins.pin(seq),
      now,
      moment: pin === undefined ? now : () => begun,
      nextTurn: () => settings.components.scheduler.nextTurn(),
    };
  }

  /** @throws CURSOR_EXPIRED, INVALID_ARGUMENT for a seq that is still to come */
  pinSnapshot(seq: number | undefined): Pin {
    this.#checkOpen();
    const newest = this.#queue.publishedSeq;
    if (seq !== undefined && seq > newest) {
      throw new KvtsError("INVALID_ARGUMENT", `seq ${seq} is still to come; the newest is ${newest}`, {
        details: { currentSeq: newest },
      });
    }
    return this.#pins.pin(seq ?? newest);
  }

  /** Seq of the last operation taken, published or not. */
  get takenSeq(): number {
    return this.#queue.counters().lastSeq;
  }

  stats(): StoreStats {
    this.#checkOpen();
    return engineStats({
      ...this.#parts,
      pins: this.#pins,
      queue: this.#queue,
      background: this.#background,
      scrub: this.#inspection.scrubStats,
      openedAt: this.#openedAt,
      stalls: this.#gateRoom.count + this.#flushRoom.count,
      refusal: this.#gate.refusal,
    });
  }

  async flush(): Promise<void> {
    this.#checkWritable();
    await this.#queue.between(() => this.#path.freeze());
    // A group before it may have come to nothing meanwhile, and lie in a frozen memtable that will never be flushed.
    this.#checkWritable();
    await this.#background.flushAll();
  }

  #freezeAtRest(): void {
    const { logger } = this.#parts.settings;
    this.#queue
      .between(() => this.#path.freeze())
      .catch((error: unknown) => logger.warn({ err: error }, "memory could not be flushed while nobody writes"));
  }

  async compact(): Promise<void> {
    await this.flush();
    await this.#background.compactAll();
  }

  /** @throws see `Checkpoints.make`; what the store refuses writes with */
  async checkpoint(directory: string, signal: AbortSignal | undefined): Promise<CheckpointReport> {
    this.#checkWritable();
    return await this.#checkpoints.make(directory, signal);
  }

  async verify(options: VerifyOptions): Promise<VerifyReport> {
    this.#checkOpen();
    return await this.#inspection.verify(options);
  }

  /** Refuses further calls, finishes what was submitted, and closes all files. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { settings, lock, layers, versions, logs, tables } = this.#parts;
    this.#gate.refuse(closedError());
    await this.#inspection.close();
    await this.#checkpoints.close();
    await this.#reserve.close();
    await this.#queue.close();
    await this.#flushBeforeClosing();
    await this.#background.close();
    // Its last flush may have left logs to be released.
    await this.#queue.close();
    const { lastSeq, lastAssigned } = this.#queue.counters();
    const isSound = this.#queue.isSound && !versions.isIndeterminate;
    let failure: unknown;
    // Every step is taken, whatever becomes of the one before: nothing is to stay open.
    for (const step of [
      () => settings.components.runner.close(),
      () => logs.writer.close(),
      () => layers.close(),
      () => versions.close(isSound && failure === undefined ? { lastSeq, lastAssigned } : undefined),
      () => tables.close(),
      () => lock.release(),
    ]) {
      try {
        await step();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw storeError(failure);
  }

  /** With everything in tables the next open has nothing to replay. Where that fails, it has the logs. */
  async #flushBeforeClosing(): Promise<void> {
    const { settings, versions } = this.#parts;
    if (!this.#queue.isSound || versions.isIndeterminate) return;
    try {
      await this.#queue.between(() => this.#path.freeze());
      await this.#background.flushAll();
    } catch (error) {
      settings.logger.warn({ err: error }, "memory could not be flushed before closing; the next open replays the log");
    }
  }

  /** The store as it is between two groups, held until it is released. */
  async #moment(): Promise<StoreMoment> {
    const { layers, versions, logs } = this.#parts;
    let moment: StoreMoment | undefined;
    await this.#queue.between(async () => {
      this.#checkWritable();
      await logs.begin();
      const { numbers } = versions;
      const { publishedSeq, lastAssigned } = this.#queue.counters();
      // What its numbers say of the log holds for this version alone; reads may still see the one before.
      const version = versions.current.acquire();
      const unhold = logs.hold();
      moment = {
        version,
        numbers,
        logs: logs.segments.filter((number) => number >= numbers.logNumber),
        logEnd: { segment: logs.writer.segment, offset: logs.writer.offset },
        lastSeq: publishedSeq,
        lastAssigned,
        marks: layers.marks.between(0, publishedSeq),
        release: () => {
          version.release();
          unhold();
          this.#releaseLogs(versions.numbers.logNumber);
        },
      };
    });
    return moment!;
  }

  /** Between two groups, when no log is being synced. */
  #releaseLogs(oldest: number): void {
    const { logs, settings } = this.#parts;
    this.#queue
      .between(() => logs.release(oldest))
      .catch((error: unknown) => {
        settings.logger.warn(
          { err: error },
          "a log that is not needed any more could not be removed; the next open will",
        );
      });
  }

  /** From now on flushes and merges have the disk's reserve, and writes wait until there is room for it again. */
  #noticeFullDisk(error: unknown): void {
    if (isDiskFull(error)) this.#reserve.release();
  }

  #stallReason(): string | undefined {
    const { settings, versions } = this.#parts;
    if (this.#reserve.isReleased) return "the disk is full";
    if (this.#queue.pendingBytes > settings.tuning.pendingBytesMax) return "writes wait for the log";
    if (versions.current.levels[0]!.files.length >= settings.tuning.level0StallTables)
      return "tables wait to be merged";
    return undefined;
  }

  /** Takes no more writes where the manifest is in doubt. */
  #refuseInDoubt(): void {
    const { failure } = this.#parts.versions;
    if (failure === undefined) return;
    this.#gate.refuse(failure);
    // What waits here for a flush would wait in vain.
    this.#flushRoom.empty(failure);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (this.#gate.refusal !== undefined) throw this.#gate.refusal;
  }
}

function closedError(): KvtsError {
  return new KvtsError("CLOSED", "the store is closed; open it again to use it");
}
