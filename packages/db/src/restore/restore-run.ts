import { compareBytes, invalidArgument, limits, throwIfAborted, type WriteResult } from "@kvts/common";
import { NUMBER_MAX } from "../format/version-record.ts";
import type { Pin } from "../read/pins.ts";
import { Ingest } from "./ingest.ts";
import { keyName, put, type RestoreMoment, type RestoreOperation, undo } from "./operation.ts";
import { RestorePlan } from "./plan.ts";
import { RestoreReader } from "./restore-reader.ts";
import type { RestoreGoal, RestoreOutcome, RestoresHost } from "./restores.ts";
import { type Touched, TouchedKeys } from "./touched-keys.ts";

/** Tables of an ingest at most; their numbers are given out beforehand. */
const TABLES_MAX = 4096;
/** So many times as large as other tables: a table of level 0 each, they should be few. */
const TABLE_FACTOR = 2;
/** Keys that are looked at again while writes wait. */
const LAST_ROUND_KEYS_MAX = 64;
/** Rounds after which writes wait however many keys there are: else those who write fast could keep a restore from its end. */
const ROUNDS_MAX = 16;

/** What a run tells those who write. */
export interface RunListener {
  /** From here on `touched` is told of what is published. */
  watch(touched: TouchedKeys): void;
  /** Whether writes are to wait. */
  takingPlace(takes: boolean): void;
}

/**
 * One restore. It reads what has changed at one seq while writes go on, looks again at the keys that were written to
 * meanwhile, round after round, and when few are left makes writes wait, looks at those, and takes its place in the order
 * of commits: what was committed before is undone with the rest, what comes after stands.
 */
export class RestoreRun {
  readonly #host: RestoresHost;
  readonly #goal: RestoreGoal;
  readonly #signal: AbortSignal;
  readonly #moment: RestoreMoment;
  readonly #reader: RestoreReader<Uint8Array>;
  readonly #touched: TouchedKeys;
  readonly #plan: RestorePlan;
  readonly #pins: Pin[] = [];
  #rounds = 0;
  #ingest: Ingest | undefined;

  constructor(host: RestoresHost, goal: RestoreGoal, signal: AbortSignal) {
    const { components, tuning } = host.settings;
    this.#host = host;
    this.#goal = goal;
    this.#signal = signal;
    this.#moment = { to: goal.to, now: Math.max(components.clock.now(), goal.to) };
    this.#reader = new RestoreReader((pin) => host.readSource(pin), this.#moment, "bytes", signal);
    this.#touched = new TouchedKeys(goal.range);
    this.#plan = new RestorePlan({ operationsMax: tuning.restoreOperationsMax, bytesMax: limits.batchBytesMax });
  }

  async run(listener: RunListener): Promise<RestoreOutcome> {
    let isDone = false;
    try {
      // Between two groups: all that is not published yet will be told of.
      await this.#host.writing.queue.between(async () => {
        listener.watch(this.#touched);
        this.#pin();
      });
      await this.#reader.walk(
        this.#goal.range,
        this.#pins[0]!,
        (change) => this.#plan.add(undo(change, this.#moment)),
        () => this.#spillIfLarge(),
      );
      const outcome = await this.#finish(listener);
      isDone = true;
      return outcome;
    } finally {
      for (const pin of this.#pins) pin.release();
      if (!isDone) await this.#discard();
    }
  }

  async #finish(listener: RunListener): Promise<RestoreOutcome> {
    for (;;) {
      await this.#spillIfLarge();
      while (this.#isFarBehind) {
        await this.#lookAgain();
        await this.#spillIfLarge();
      }
      await this.#ingest?.sync();
      listener.takingPlace(true);
      let placed: (() => Promise<RestoreOutcome>) | undefined;
      try {
        placed = await this.#takePlace();
      } finally {
        listener.takingPlace(false);
      }
      if (placed !== undefined) return await placed();
    }
  }

  get #isFarBehind(): boolean {
    const { count, hasRanges } = this.#touched;
    return (hasRanges || count > LAST_ROUND_KEYS_MAX) && this.#rounds < ROUNDS_MAX;
  }

  /** With writes waiting, once all that were taken are published. Undefined where there is more to do before. */
  async #takePlace(): Promise<(() => Promise<RestoreOutcome>) | undefined> {
    const { writing, settings } = this.#host;
    const { queue } = writing;
    for (;;) {
      let placed: (() => Promise<RestoreOutcome>) | undefined;
      let isOver = false;
      await queue.between(async () => {
        if (!queue.isIdle) return;
        isOver = true;
        this.#host.checkWritable();
        if (this.#isFarBehind) return;
        if (this.#touched.count > 0 || this.#touched.hasRanges) await this.#lookAgain();
        throwIfAborted(this.#signal);
        if (!this.#plan.isTooLarge) placed = await this.#commit();
      });
      if (isOver) return placed;
      // Whoever asks on the spot would come before the groups, again and again.
      await settings.components.scheduler.nextTurn();
    }
  }

  /** Between two groups, with nothing waiting. */
  async #commit(): Promise<() => Promise<RestoreOutcome>> {
    const { counts, isEmpty, operations } = this.#plan;
    if (isEmpty) return async () => ({ ...counts, timestamp: undefined, seq: undefined });
    const { newest } = this.#reader;
    if (newest >= NUMBER_MAX) {
      throw invalidArgument(
        `a key of the range has a version at the greatest timestamp there is (${NUMBER_MAX}), and nothing can be newer; retract it, then restore`,
      );
    }
    const written: WriteResult | Promise<WriteResult> =
      this.#ingest === undefined
        ? this.#host.writing.submissions.submitRestored(operations, newest)
        : await this.#install(this.#ingest, newest);
    return async () => {
      const { timestamp, seq } = await written;
      return { ...counts, timestamp, seq };
    };
  }

  async #install(ingest: Ingest, newest: number): Promise<WriteResult> {
    const { writing, jobs } = this.#host;
    const { queue } = writing;
    // What was committed before must not be lost where the tables are kept.
    await writing.syncLog();
    const place = await queue.reserve(ingest.rounds, newest);
    const tables = await ingest.finish(jobs.provenance([], jobs.horizons()), place);
    const bytesWritten = tables.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
    const result = { tables, seqFloor: 0, erased: 0, bytesRead: 0, bytesWritten };
    const { seq, timestamp } = place;
    const { range, to } = this.#goal;
    const mark = { seq, timestamp, range, to };
    // One edit, so that the feed tells of the restore just where it has happened.
    await jobs.install({ added: tables.map((meta) => ({ level: 0, meta })), ...writing.feedRestoring(mark) }, result);
    queue.publish(seq);
    writing.feed.restored(mark);
    return { timestamp, seq };
  }

  /** Finds out anew about the keys that were written to since the last round. */
  async #lookAgain(): Promise<void> {
    const plan = this.#plan;
    const reader = this.#reader;
    const touched = this.#touched.take();
    // In the same step: what is published by now has been told of, and nothing else has.
    const pin = this.#pin();
    this.#rounds++;
    plan.ingest?.beginRound();
    for (const key of await this.#keysToLookAt(touched, pin)) {
      const change = await reader.changeOf(key, pin);
      const before = await plan.shareOf(key, () => this.#firstFound(key));
      let operation = change && undo(change, this.#moment);
      // The tables say something of it already: it is said again, as it now is.
      if (operation === undefined && before !== undefined && plan.ingest !== undefined) {
        operation = put(key, await reader.stateOf(key, pin), this.#moment);
      }
      plan.replace(key, before, operation);
    }
    // The first one stays: it tells what was found at first.
    this.#pins.pop()!.release();
  }

  /**
   * In order, each once. Of the keys of a deleted range those of which something was found out, or would be now: what is
   * done to any other stays nothing.
   */
  async #keysToLookAt({ keys, ranges }: Touched, pin: Pin): Promise<Uint8Array[]> {
    const found = ({ key }: { readonly key: Uint8Array }): void => void keys.set(keyName(key), key);
    for (const range of ranges) {
      await this.#reader.walk(range, this.#pins[0]!, found);
      await this.#reader.walk(range, pin, found);
      for (const key of this.#plan.replacedIn(range)) found({ key });
    }
    return [...keys.values()].sort(compareBytes);
  }

  async #firstFound(key: Uint8Array): Promise<RestoreOperation | undefined> {
    const change = await this.#reader.changeOf(key, this.#pins[0]!);
    return change && undo(change, this.#moment);
  }

  #pin(): Pin {
    const pin = this.#host.pin();
    this.#pins.push(pin);
    return pin;
  }

  /** Goes over to tables where it is more than one batch. */
  async #spillIfLarge(): Promise<void> {
    if (!this.#plan.isTooLarge) return;
    const { versions, settings, directory } = this.#host;
    const { components, tuning } = settings;
    const firstOutput = await versions.reserveFileNumbers(TABLES_MAX);
    this.#ingest = new Ingest({
      fileSystem: components.fileSystem,
      directory,
      tableBytesMax: tuning.tables.tableBytesMax * TABLE_FACTOR,
      compression: tuning.tables.compression,
      firstOutput,
      outputsMax: TABLES_MAX,
    });
    await this.#plan.spill(this.#ingest, () => components.scheduler.nextTurn());
  }

  async #discard(): Promise<void> {
    const ingest = this.#ingest;
    if (ingest === undefined) return;
    ingest.close();
    await this.#host.jobs.abandon(ingest.firstOutput, ingest.used);
  }
}
