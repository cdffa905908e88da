import {
  abortable,
  type BytesInput,
  type CheckpointReport,
  type EncodedPrecondition,
  type EraseProgress,
  type EraseResult,
  encodeValue,
  type Key,
  KvtsError,
  type Operation,
  prefixEnd,
  type ResolvedRange,
  type RetentionResult,
  type StoreStats,
  throwIfAborted,
  type VerifyOptions,
  type VerifyReport,
  type WriteResult,
} from "@kvts/common";
import { Background } from "./background/background.ts";
import { saveSideFiles } from "./background/side-files.ts";
import { type StoreMoment, takeMoment } from "./checkpoint/moment.ts";
import { Checkpoints } from "./checkpoint.ts";
import { closeParts } from "./close-parts.ts";
import { engineStats } from "./engine-stats.ts";
import { Fairness } from "./env/fairness.ts";
import { countErased } from "./erase/count-erased.ts";
import { Erases } from "./erase/erases.ts";
import type { Feed } from "./feed/feed.ts";
import { Inspection } from "./inspection.ts";
import type { KeyForm } from "./read/key-decoder.ts";
import { type Pin, Pins } from "./read/pins.ts";
import type { ReadSource } from "./read/read-source.ts";
import { countTrimmed } from "./read/trim-count.ts";
import type { Recovered, Recovery } from "./recovered.ts";
import { Reserve } from "./reserve.ts";
import { type RestoreGoal, type RestoreOutcome, type RestorePreview, Restores } from "./restore/restores.ts";
import type { RetentionState } from "./retention/horizon.ts";
import { Horizons } from "./retention/horizons.ts";
import { type PolicyInForce, RetentionKeeper } from "./retention-keeper.ts";
import { Writing } from "./writing.ts";

const NO_CONDITIONS: readonly EncodedPrecondition[] = [];

/**
 * A running store: wires the parts together and passes calls on. Each part owns its state (docs/internals.md, "Who owns
 * what"); this one owns only whether the store is open.
 */
export class Engine {
  readonly recovery: Recovery;
  readonly #parts: Recovered;
  readonly #pins: Pins;
  readonly #writing: Writing;
  readonly #background: Background;
  readonly #reserve: Reserve;
  readonly #inspection: Inspection;
  readonly #checkpoints: Checkpoints;
  readonly #restores: Restores;
  readonly #erases: Erases;
  readonly #retention: RetentionKeeper;
  readonly #fairness: Fairness = new Fairness();
  /** Microseconds, by the store's clock. */
  readonly #openedAt: number;
  #closing: Promise<void> | undefined;

  constructor(parts: Recovered) {
    const { settings, layers, versions } = parts;
    const { scheduler } = settings.components;
    this.#parts = parts;
    this.#openedAt = settings.components.clock.now();
    this.recovery = parts.recovery;
    this.#pins = new Pins(() => scheduler.monotonicMs(), versions.numbers.seqFloor);
    this.#writing = new Writing(parts, {
      background: () => this.#background,
      reserve: () => this.#reserve,
      restores: () => this.#restores,
    });
    const { queue } = this.#writing;
    this.#background = new Background({
      directory: parts.directory,
      settings,
      layers,
      versions,
      pins: this.#pins,
      horizons: () => this.#retention.horizons,
      counters: () => queue.counters(),
      openTable: (meta) => parts.tables.open(meta),
      obsoleteTables: () => parts.tables.obsolete(),
      releaseLogs: (oldest) => this.#writing.releaseLogs(oldest),
      changed: () => {
        this.#writing.changed();
        this.#reserve.poke();
        this.#erases.changed();
      },
      freeze: () => this.#freezeAtRest(),
      saveSideFiles: (upTo) =>
        saveSideFiles([
          () => parts.requestFiles.save(upTo, this.now()),
          () => parts.markFiles.save(layers.marks, upTo),
        ]),
      eraseFromSideFiles: () => saveSideFiles([() => parts.markFiles.rewrite(layers.marks)]),
      failed: () => this.#writing.refuseInDoubt(),
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
        changed: () => this.#writing.gate.changed(),
      },
      parts.reserveWasReleased && settings.reserveBytes > 0,
    );
    this.#reserve.poke();
    this.#checkpoints = new Checkpoints({ directory: parts.directory, settings, moment: () => this.#moment() });
    this.#restores = new Restores({
      directory: parts.directory,
      settings,
      versions,
      writing: this.#writing,
      pin: () => this.pinSnapshot(undefined),
      jobs: this.#background.jobs,
      readSource: (pin) => this.readSource(pin),
      checkWritable: () => this.#checkWritable(),
    });
    this.#erases = new Erases({
      parts,
      writing: this.#writing,
      background: this.#background,
      restores: this.#restores,
      checkWritable: () => this.#checkWritable(),
    });
    this.#inspection = new Inspection(parts);
    this.#retention = new RetentionKeeper({
      settings,
      versions,
      lastAssigned: () => queue.lastAssigned,
      refuseBelow: (horizons) => this.#writing.submissions.refuseBelow(horizons),
      behindTaken: (step) => queue.behindTaken(step),
      persist: ({ policies, horizons }) => this.#writing.persist({ policies, horizons }),
      moved: () => this.#background.poke(),
    });
    this.#background.poke();
  }

  /** What is committed, for those who watch. */
  get feed(): Feed {
    this.#checkOpen();
    return this.#writing.feed;
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
    return this.#writing.submissions.submit({ key, value: checked, timestamp, expiresAt, requestId, preconditions });
  }

  delete(
    key: BytesInput,
    timestamp: number | undefined,
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    return this.#writing.submissions.submit({
      key,
      value: undefined,
      timestamp,
      expiresAt: undefined,
      requestId,
      preconditions,
    });
  }

  /** Hides what was written at exactly this timestamp; what came before it shows again. */
  retract(
    key: BytesInput,
    timestamp: number,
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    const [value, expiresAt] = [undefined, undefined];
    return this.#writing.submissions.submit({
      key,
      value,
      retracts: true,
      timestamp,
      expiresAt,
      requestId,
      preconditions,
    });
  }

  write(
    operations: readonly Operation[],
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[] = NO_CONDITIONS,
  ): Promise<WriteResult> {
    return this.#writing.submissions.submitBatch(operations, requestId, preconditions);
  }

  /** @throws see `Restores.restore` */
  restore(goal: RestoreGoal, signal: AbortSignal | undefined): Promise<RestoreOutcome> {
    return this.#restores.restore(goal, signal);
  }

  async previewRestore<K extends Key>(
    goal: RestoreGoal,
    form: KeyForm,
    signal: AbortSignal | undefined,
  ): Promise<RestorePreview<K>> {
    this.#checkOpen();
    return await this.#restores.preview<K>(goal, form, signal);
  }

  /**
   * Resolves when the bytes are gone.
   * @throws see `Erases.erase`; CANCELLED once `signal` fires, which ends the waiting and nothing else
   */
  async erase(
    range: ResolvedRange,
    onProgress: (progress: EraseProgress) => void,
    signal: AbortSignal | undefined,
    hidden: (seq: number) => void = () => {},
  ): Promise<EraseResult> {
    throwIfAborted(signal);
    this.#checkWritable();
    return await abortable(this.#erases.erase(range, onProgress, hidden), signal);
  }

  /** What `erase` would do at this moment. @throws CANCELLED; what the store refuses writes with */
  async countErased(range: ResolvedRange, signal: AbortSignal | undefined): Promise<EraseResult> {
    throwIfAborted(signal);
    this.#checkWritable();
    return await countErased(this.#parts, this.readSource(), range, signal);
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
        return pin?.seq ?? this.#writing.queue.publishedSeq;
      },
      horizons: pin === undefined ? () => this.#retention.horizons : () => pin.horizons,
      pin: (seq, horizons) => this.#pins.pin(seq, horizons),
      now,
      moment: pin === undefined ? now : () => begun,
      nextTurn: () => settings.components.scheduler.nextTurn(),
    };
  }

  /** @throws CURSOR_EXPIRED, INVALID_ARGUMENT for a seq that is still to come */
  pinSnapshot(seq: number | undefined): Pin {
    this.#checkOpen();
    const newest = this.#writing.queue.publishedSeq;
    if (seq !== undefined && seq > newest) {
      throw new KvtsError("INVALID_ARGUMENT", `seq ${seq} is still to come; the newest is ${newest}`, {
        details: { currentSeq: newest },
      });
    }
    return this.#pins.pin(seq ?? newest, this.#retention.horizons);
  }

  /**
   * Changes the policy of a prefix, or with `dryRun` counts what that would cut.
   * @param keepFor microseconds, undefined for ever, "none" for no policy
   */
  async changeRetention(
    prefix: Uint8Array,
    keepFor: number | undefined | "none",
    dryRun: boolean,
    signal: AbortSignal | undefined,
  ): Promise<RetentionResult> {
    this.#checkWritable();
    if (!dryRun) return { horizon: await this.#retention.change(prefix, keepFor) };
    const { state, horizon } = this.#retention.plan(prefix, keepFor);
    const range = { start: prefix, end: prefixEnd(prefix) };
    const trimmed = await countTrimmed(this.readSource(), range, Horizons.of(state.horizons), signal);
    return { horizon, trimmed };
  }

  /** Policies and horizons in force. */
  get retention(): RetentionState {
    return this.#retention.state;
  }

  listRetention(): PolicyInForce[] {
    this.#checkOpen();
    return this.#retention.list();
  }

  /** Seq of the last operation taken, published or not. */
  get takenSeq(): number {
    return this.#writing.queue.counters().lastSeq;
  }

  stats(): StoreStats {
    this.#checkOpen();
    return engineStats({
      ...this.#parts,
      pins: this.#pins,
      retention: this.#retention,
      queue: this.#writing.queue,
      background: this.#background,
      scrub: this.#inspection.scrubStats,
      openedAt: this.#openedAt,
      stalls: this.#writing.stalls,
      refusal: this.#writing.gate.refusal,
      feed: this.#writing.feed,
      erases: this.#erases,
    });
  }

  async flush(): Promise<void> {
    this.#checkWritable();
    await this.#writing.freeze();
    // A group before it may have come to nothing meanwhile, and lie in a frozen memtable that will never be flushed.
    this.#checkWritable();
    await this.#background.flushAll();
  }

  #freezeAtRest(): void {
    const { logger } = this.#parts.settings;
    this.#writing
      .freeze()
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
    const { versions } = this.#parts;
    const { gate, queue } = this.#writing;
    gate.refuse(closedError());
    this.#background.refuseMerges(closedError());
    await this.#retention.close();
    await this.#inspection.close();
    await this.#checkpoints.close();
    await this.#restores.close(closedError());
    await this.#erases.close(closedError());
    await this.#writing.closeFeed();
    await this.#reserve.close();
    await queue.close();
    await this.#flushBeforeClosing();
    await this.#background.close();
    // Its last flush may have left logs to be released, and a ceiling may be on its way into the manifest.
    await this.#writing.settle();
    await queue.close();
    const isSound = queue.isSound && !versions.isIndeterminate;
    await closeParts(this.#parts, isSound ? queue.counters() : undefined);
  }

  /** With everything in tables the next open has nothing to replay. Where that fails, it has the logs. */
  async #flushBeforeClosing(): Promise<void> {
    const { settings, versions } = this.#parts;
    if (!this.#writing.queue.isSound || versions.isIndeterminate) return;
    try {
      await this.#writing.freeze();
      await this.#background.flushAll();
    } catch (error) {
      settings.logger.warn({ err: error }, "memory could not be flushed before closing; the next open replays the log");
    }
  }

  /** The store as it is between two groups, held until it is released. */
  async #moment(): Promise<StoreMoment> {
    const { queue } = this.#writing;
    let moment: StoreMoment | undefined;
    await queue.between(async () => {
      this.#checkWritable();
      moment = takeMoment(this.#parts, queue.counters(), (oldest) => this.#writing.releaseLogs(oldest));
    });
    return moment!;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (this.#writing.gate.refusal !== undefined) throw this.#writing.gate.refusal;
  }
}

function closedError(): KvtsError {
  return new KvtsError("CLOSED", "the store is closed; open it again to use it");
}
