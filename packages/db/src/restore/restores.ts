import {
  type Change,
  encodeKey,
  type Key,
  type KvtsError,
  makeChange,
  type ResolvedRange,
  RestoreSample,
  throwIfAborted,
} from "@kvts/common";
import type { TableJobs } from "../background/table-jobs.ts";
import { storeError } from "../io-error.ts";
import type { VersionSet } from "../manifest/version-set.ts";
import type { Settings } from "../options.ts";
import type { KeyForm } from "../read/key-decoder.ts";
import type { Pin } from "../read/pins.ts";
import type { ReadSource } from "../read/read-source.ts";
import type { Frame } from "../wal/frame.ts";
import type { Writing } from "../writing.ts";
import type { RestoreCounts } from "./plan.ts";
import { RestoreReader } from "./restore-reader.ts";
import { RestoreRun } from "./restore-run.ts";
import type { TouchedKeys } from "./touched-keys.ts";

/** What restores ask of the store around them. */
export interface RestoresHost {
  readonly directory: string;
  readonly settings: Settings;
  readonly versions: VersionSet;
  readonly writing: Writing;
  /** Pins what is published. */
  pin(): Pin;
  readonly jobs: TableJobs;
  readSource(pin: Pin): ReadSource;
  /** @throws what the store refuses writes with */
  checkWritable(): void;
}

/** What has to be gone back to: everything in `range` as it was at `to`, in microseconds. */
export interface RestoreGoal {
  readonly range: ResolvedRange;
  readonly to: number;
}

export interface RestoreOutcome extends RestoreCounts {
  /** Of what was written; undefined where nothing was. */
  readonly timestamp: number | undefined;
  readonly seq: number | undefined;
}

export interface RestorePreview<K extends Key> extends RestoreCounts {
  /** The first keys that would change: `before` what they hold, `after` what they would. */
  readonly sample: readonly Change<K>[];
}

/** Restores take turns. */
export class Restores {
  readonly #host: RestoresHost;
  readonly #closing: AbortController = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  /** What the restore under way has to look at again. */
  #touched: TouchedKeys | undefined;
  #takesPlace = false;

  constructor(host: RestoresHost) {
    this.#host = host;
  }

  /** Whether writes have to wait, for the moment in which a restore takes its place among them. */
  get takesPlace(): boolean {
    return this.#takesPlace;
  }

  /** A group has been published. */
  notice(frame: Frame): void {
    this.#touched?.notice(frame);
  }

  /** @throws NO_SPACE, UNAVAILABLE, what the store refuses writes with; nothing has changed then */
  restore(goal: RestoreGoal, signal: AbortSignal | undefined): Promise<RestoreOutcome> {
    return this.inTurn(() => this.#restore(goal, signal));
  }

  /** Does `step` while no restore is under way: what one has read, and is going to write, must not outlast it. */
  inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** What a restore would do at this moment. */
  async preview<K extends Key>(
    { range, to }: RestoreGoal,
    form: KeyForm,
    signal: AbortSignal | undefined,
  ): Promise<RestorePreview<K>> {
    const { settings } = this.#host;
    const moment = { to, now: Math.max(settings.components.clock.now(), to) };
    const pin = this.#host.pin();
    const sample = new RestoreSample<K>();
    const reader = new RestoreReader<K>((at) => this.#host.readSource(at), moment, form, this.#signal(signal));
    let [restored, deleted, bytes] = [0, 0, 0];
    try {
      await reader.walk(range, pin, (change) => {
        if (change.before === undefined) deleted++;
        else restored++;
        bytes += keyBytes(change.key) + (change.before?.value.length ?? 0);
        sample.add(makeChange(change.key, change.after, change.before));
      });
    } finally {
      pin.release();
    }
    return { restored, deleted, bytes, sample: sample.changes };
  }

  /** Ends what is under way, as if it had been abandoned. */
  async close(reason: KvtsError): Promise<void> {
    this.#closing.abort(reason);
    await this.#turn;
  }

  async #restore(goal: RestoreGoal, caller: AbortSignal | undefined): Promise<RestoreOutcome> {
    const signal = this.#signal(caller);
    throwIfAborted(signal);
    this.#host.checkWritable();
    const run = new RestoreRun(this.#host, goal, signal);
    try {
      return await run.run({
        watch: (touched) => {
          this.#touched = touched;
        },
        takingPlace: (takes) => {
          this.#takesPlace = takes;
          if (!takes) this.#host.writing.gate.changed();
        },
      });
    } catch (error) {
      this.#host.writing.refuseInDoubt();
      this.#host.writing.noticeFullDisk(error);
      throw this.#closing.signal.aborted ? this.#closing.signal.reason : storeError(error);
    } finally {
      this.#touched = undefined;
    }
  }

  #signal(caller: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal;
    return caller === undefined ? closing : AbortSignal.any([closing, caller]);
  }
}

function keyBytes(key: Key): number {
  return typeof key === "string" ? encodeKey(key).length : key.length;
}
