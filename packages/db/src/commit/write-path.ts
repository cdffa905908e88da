import type { Layers } from "../layers.ts";
import type { Logs } from "../logs.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { Settings } from "../options.ts";
import type { CommitGroup } from "./commit-group.ts";
import type { CommitTarget } from "./commit-queue.ts";
import { insertFrame } from "./memory-insert.ts";
import type { WaitingRoom } from "./waiting-room.ts";

/** What the write path asks of the store around it. */
export interface WritePathHost {
  readonly settings: Settings;
  readonly layers: Layers;
  readonly logs: Logs;
  /** Where a group waits until a frozen memtable has been flushed. */
  readonly flushRoom: WaitingRoom;
  /** Tables in level 0. */
  level0Tables(): number;
  /** A memtable has been frozen. */
  frozen(): void;
  /** A group could not be brought into the log. */
  failed(error: unknown): void;
}

/** Carries commit groups into log and memory; the queue says when. */
export class WritePath implements CommitTarget {
  readonly #host: WritePathHost;
  /** The memtable that took the first operation of the group inserted last. */
  #firstMemtable: Memtable | undefined;

  constructor(host: WritePathHost) {
    this.#host = host;
  }

  prepare(group: CommitGroup): Promise<void> | undefined {
    const slow = this.#host.level0Tables() >= this.#host.settings.tuning.level0SlowTables;
    return this.#fits(group) && !slow ? undefined : this.#noticing(() => this.#prepareSlowly(group, slow));
  }

  append({ encoder, firstSeq }: CommitGroup): Promise<void> | undefined {
    const { logs } = this.#host;
    const frame = encoder.seal(logs.writer, firstSeq);
    logs.appendedBytes += frame.length;
    try {
      const appended = logs.writer.append(frame);
      return appended === undefined ? undefined : this.#noticing(() => appended);
    } catch (error) {
      this.#host.failed(error);
      throw error;
    }
  }

  sync(): Promise<void> {
    return this.#host.logs.writer.sync();
  }

  insert({ encoder }: CommitGroup): Promise<void> | undefined {
    const { layers, logs, settings } = this.#host;
    this.#firstMemtable = layers.active;
    return insertFrame(encoder, layers, logs.writer.segment, settings.components.scheduler);
  }

  get spansMemtables(): boolean {
    return this.#firstMemtable !== this.#host.layers.active;
  }

  /**
   * Freezes the active memtable and goes on in a fresh log segment, with room for a frame of `frameBytes`. Runs between
   * groups. An empty memtable stays; a segment without room is left all the same.
   */
  async freeze(frameBytes = 0): Promise<void> {
    const { layers, logs, flushRoom, settings } = this.#host;
    const isEmpty = layers.isActiveEmpty;
    // A store in which nothing was written stays as it was found.
    if (isEmpty && frameBytes === 0 && !logs.writer.isBegun) return;
    if (!logs.writer.isBegun) await logs.begin();
    if (isEmpty) {
      if (!logs.writer.fits(frameBytes)) logs.rotate(frameBytes);
      return;
    }
    // What is in a table is not replayed: from then on the log has to be whole by itself for the change feed.
    if (settings.durability === "buffered" && settings.feedBytes > 0) await logs.writer.sync();
    if (flushRoom.isOpen) this.#freeze(frameBytes);
    else await flushRoom.pass(async () => this.#freeze(frameBytes));
  }

  /**
   * Goes on in a new segment that was never a spare, with an empty memtable. Runs between groups.
   * @returns the segment's number: older ones hold all that has been written so far
   */
  async startAfresh(): Promise<number> {
    const { layers, logs } = this.#host;
    if (!logs.writer.isBegun) await logs.begin();
    await logs.writer.dropSpares();
    if (!layers.isActiveEmpty) await this.freeze();
    else layers.movedLog(logs.rotate(0));
    // The manifest will name it as the first that is needed: a power cut must not take its name away.
    await logs.writer.sync();
    return logs.writer.segment;
  }

  #freeze(frameBytes: number): void {
    const { layers, logs } = this.#host;
    layers.freeze(logs.rotate(frameBytes));
    this.#host.frozen();
  }

  async #prepareSlowly(group: CommitGroup, slow: boolean): Promise<void> {
    const { logs, settings } = this.#host;
    if (slow) await settings.components.scheduler.delay(1);
    if (!logs.writer.isBegun) await logs.begin();
    if (!this.#fits(group)) await this.freeze(group.encoder.bytes);
  }

  async #noticing(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#host.failed(error);
      throw error;
    }
  }

  #fits({ encoder }: CommitGroup): boolean {
    const { layers, logs } = this.#host;
    return layers.hasRoomFor(encoder.operationCount, encoder.bytes) && logs.writer.fits(encoder.bytes);
  }
}
