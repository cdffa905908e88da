import type { KvtsError } from "@kvts/common";
import { type Background, REST_FILL_MIN } from "./background/background.ts";
import { Ceilings } from "./commit/ceilings.ts";
import { CommitQueue } from "./commit/commit-queue.ts";
import { Submissions } from "./commit/submissions.ts";
import { WaitingRoom } from "./commit/waiting-room.ts";
import { WriteGate } from "./commit/write-gate.ts";
import { WritePath } from "./commit/write-path.ts";
import { fullDiskError, isDiskFull } from "./io-error.ts";
import type { VersionEdit } from "./manifest/version-edit.ts";
import type { Recovered } from "./recovered.ts";
import type { Reserve } from "./reserve.ts";

/** What writing asks of the store around it; both are there before the first write. */
export interface WritingHost {
  readonly background: () => Background;
  readonly reserve: () => Reserve;
}

/**
 * What a write passes on its way from the caller until it is visible, wired together. Says when writes have to wait, and
 * when no more are taken.
 */
export class Writing {
  readonly gate: WriteGate;
  readonly queue: CommitQueue;
  readonly submissions: Submissions;
  readonly #parts: Recovered;
  readonly #host: WritingHost;
  readonly #gateRoom: WaitingRoom;
  readonly #flushRoom: WaitingRoom;
  readonly #path: WritePath;

  constructor(parts: Recovered, host: WritingHost) {
    const { settings, layers, versions, requests, lastSeq, lastAssigned } = parts;
    this.#parts = parts;
    this.#host = host;
    this.#gateRoom = this.#room(() => this.#stallReason());
    this.#flushRoom = this.#room(() => this.#flushReason());
    this.gate = new WriteGate(this.#gateRoom);
    this.#path = this.#makePath();
    const ceilings = new Ceilings(versions.numbers, (values) => this.persist(values));
    this.queue = new CommitQueue(settings, this.gate, ceilings, this.#path, {
      requests,
      lastSeq,
      lastAssigned,
      published: () => this.#published(),
      stopped: (failure) => host.background().refuseFlushes(failure),
    });
    this.submissions = new Submissions(settings, this.gate, this.queue, requests, () => layers.view);
  }

  /** How often a write or a group has had to wait. */
  get stalls(): number {
    return this.#gateRoom.count + this.#flushRoom.count;
  }

  /** Freezes the active memtable between two groups. */
  freeze(): Promise<void> {
    return this.queue.between(() => this.#path.freeze());
  }

  /** Gives up logs below `oldest` between two groups, when none is being synced; a manifest on disk needs them no more. */
  releaseLogs(oldest: number): void {
    const { logs, settings } = this.#parts;
    this.queue
      .between(() => logs.release(oldest))
      .catch((error: unknown) => {
        settings.logger.warn(
          { err: error },
          "a log that is not needed any more could not be removed; the next open will",
        );
      });
  }

  /** Memory or tables have changed: those who waited for that go on. */
  changed(): void {
    this.#flushRoom.changed();
    this.gate.changed();
  }

  /** Takes no more writes where the manifest is in doubt. */
  refuseInDoubt(): void {
    const { failure } = this.#parts.versions;
    if (failure === undefined) return;
    this.gate.refuse(failure);
    // What waits here for a flush would wait in vain.
    this.#flushRoom.empty(failure);
  }

  #makePath(): WritePath {
    const { settings, layers, versions, logs } = this.#parts;
    return new WritePath({
      settings,
      layers,
      logs,
      flushRoom: this.#flushRoom,
      level0Tables: () => versions.current.levels[0]!.files.length,
      frozen: () => this.#host.background().poke(),
      failed: (error) => this.#noticeFullDisk(error),
    });
  }

  #room(reason: () => string | undefined): WaitingRoom {
    const { components, stallTimeoutMs } = this.#parts.settings;
    return new WaitingRoom(components.scheduler, stallTimeoutMs, reason, () => this.#fullDisk());
  }

  #published(): void {
    const { layers } = this.#parts;
    const background = this.#host.background();
    // A frozen memtable may be flushed once all of it is published.
    if (layers.frozen.length > 0) background.poke();
    else if (layers.activeFill >= REST_FILL_MIN) background.awaitRest();
  }

  /** Puts an edit that changes no tables into the manifest. */
  async persist(edit: VersionEdit): Promise<void> {
    const { layers, versions } = this.#parts;
    try {
      layers.install(await versions.logAndApply(edit));
    } catch (error) {
      this.refuseInDoubt();
      this.#noticeFullDisk(error);
      throw error;
    }
  }

  #stallReason(): string | undefined {
    const { settings, versions } = this.#parts;
    if (this.#host.reserve().isReleased) return "the disk is full";
    if (this.queue.pendingBytes > settings.tuning.pendingBytesMax) return "writes wait for the log";
    if (versions.current.levels[0]!.files.length >= settings.tuning.level0StallTables)
      return "tables wait to be merged";
    return undefined;
  }

  #flushReason(): string | undefined {
    const { settings, layers } = this.#parts;
    return layers.frozen.length >= settings.tuning.frozenMemtablesMax ? "memory waits to be flushed" : undefined;
  }

  /** On a full disk nothing is flushed or merged before there is room: waiting for it would only hide the reason. */
  #fullDisk(): KvtsError | undefined {
    if (this.#host.reserve().isReleased) return fullDiskError();
    const { lastError } = this.#host.background();
    return lastError?.code === "NO_SPACE" ? lastError : undefined;
  }

  /** From now on flushes and merges have the disk's reserve, and writes wait until there is room for it again. */
  #noticeFullDisk(error: unknown): void {
    if (isDiskFull(error)) this.#host.reserve().release();
  }
}
