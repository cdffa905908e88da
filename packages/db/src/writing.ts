import type { KvtsError } from "@kvts/common";
import { type Background, REST_FILL_MIN } from "./background/background.ts";
import { Ceilings } from "./commit/ceilings.ts";
import { CommitQueue } from "./commit/commit-queue.ts";
import { Submissions } from "./commit/submissions.ts";
import { WaitingRoom } from "./commit/waiting-room.ts";
import { WriteGate } from "./commit/write-gate.ts";
import { WritePath } from "./commit/write-path.ts";
import { AgeWatch } from "./feed/age-watch.ts";
import { Feed, type FeedPosition } from "./feed/feed.ts";
import type { RestoreMark } from "./feed/restore-mark.ts";
import { fullDiskError, isDiskFull } from "./io-error.ts";
import type { VersionEdit } from "./manifest/version-edit.ts";
import type { Recovered } from "./recovered.ts";
import type { Reserve } from "./reserve.ts";
import type { Restores } from "./restore/restores.ts";
import type { Frame } from "./wal/frame.ts";

/** What writing asks of the store around it; both are there before the first write. */
export interface WritingHost {
  readonly background: () => Background;
  readonly reserve: () => Reserve;
  readonly restores: () => Restores;
}

/**
 * What a write passes on its way from the caller until it is visible, wired together. Says when writes have to wait, and
 * when no more are taken.
 */
export class Writing {
  readonly gate: WriteGate;
  readonly queue: CommitQueue;
  readonly submissions: Submissions;
  readonly feed: Feed;
  readonly #parts: Recovered;
  readonly #host: WritingHost;
  readonly #gateRoom: WaitingRoom;
  readonly #flushRoom: WaitingRoom;
  readonly #path: WritePath;
  readonly #feedAge: AgeWatch;
  /** Errands that want to be alone. */
  #alone = 0;
  /** What nobody waits for while the store is open. */
  readonly #underWay: Set<Promise<void>> = new Set();

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
      published: (group) => this.#published(group),
      acknowledged: (group) => this.feed.published(group),
      stopped: (failure) => host.background().refuseFlushes(failure),
    });
    this.feed = this.#makeFeed();
    this.#feedAge = this.#watchFeedAge();
    this.#feedAge.watch();
    this.submissions = new Submissions(settings, this.gate, this.queue, requests, () => layers.view);
  }

  /** How often a write or a group has had to wait. */
  get stalls(): number {
    return this.#gateRoom.count + this.#flushRoom.count;
  }

  /** Puts on disk what was acknowledged before it was. For an errand between two groups. */
  async syncLog(): Promise<void> {
    const { settings, logs } = this.#parts;
    if (!logs.writer.isBegun) await logs.begin();
    if (settings.durability === "buffered") await logs.writer.sync();
  }

  /** What the edit says that puts a restore in place which no log holds: the change feed tells of it. */
  feedRestoring(mark: RestoreMark): Pick<VersionEdit, "feed" | "restores"> {
    return this.#parts.feedLog.restoring(mark);
  }

  /** What an edit says with which something is committed that no log holds: the change feed begins behind it. */
  feedCutAt(seq: number): Pick<VersionEdit, "feed"> {
    const { feedLog } = this.#parts;
    feedLog.cutAhead(seq);
    const { start: feed } = feedLog;
    return feed === undefined ? {} : { feed };
  }

  /** Freezes the active memtable between two groups. */
  freeze(): Promise<void> {
    return this.queue.between(() => this.#path.freeze());
  }

  /** Runs `step` between two groups once nothing waits: writes that come meanwhile do. */
  async alone(step: () => Promise<void>): Promise<void> {
    this.#alone++;
    try {
      for (let isDone = false; !isDone; ) {
        await this.queue.between(async () => {
          if (!this.queue.isIdle) return;
          isDone = true;
          await step();
        });
        // Whoever asks on the spot would come before the groups, again and again.
        if (!isDone) await this.#parts.settings.components.scheduler.nextTurn();
      }
    } finally {
      this.#alone--;
      this.gate.changed();
    }
  }

  /** See `WritePath.startAfresh`. */
  async startAfresh(): Promise<number> {
    let number = 0;
    await this.queue.between(async () => {
      number = await this.#path.startAfresh();
    });
    return number;
  }

  /** Gives up logs below `oldest` between two groups, when none is being synced; a manifest on disk needs them no more. */
  releaseLogs(oldest: number): void {
    const { logs, settings } = this.#parts;
    const released = this.queue
      .between(() => logs.release(oldest))
      .then(() => this.#trimFeed())
      .then(() => (logs.isBehind(oldest) ? this.queue.between(() => logs.release(oldest)) : undefined))
      .catch((error: unknown) => {
        settings.logger.warn(
          { err: error },
          "a log that is not needed any more could not be removed; the next open will",
        );
      });
    this.#track(released);
  }

  /** Ends all watches, and trims the feed no more. */
  async closeFeed(): Promise<void> {
    await this.#feedAge.close();
    await this.feed.close();
  }

  /** Waits for edits and removals that have been begun. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  #track(step: Promise<void>): void {
    const settled = step.catch(() => {}).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
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
      failed: (error) => this.noticeFullDisk(error),
    });
  }

  #room(reason: () => string | undefined): WaitingRoom {
    const { components, stallTimeoutMs } = this.#parts.settings;
    return new WaitingRoom(components.scheduler, stallTimeoutMs, reason, () => this.#fullDisk());
  }

  #published(group: Frame | undefined): void {
    if (group !== undefined) this.#host.restores().notice(group);
    const { layers } = this.#parts;
    const background = this.#host.background();
    // A frozen memtable may be flushed once all of it is published.
    if (layers.frozen.length > 0 || group === undefined) background.poke();
    else if (layers.activeFill >= REST_FILL_MIN) background.awaitRest();
  }

  /** Puts an edit that changes no tables into the manifest. */
  persist(edit: VersionEdit): Promise<void> {
    const persisted = this.#persist(edit);
    this.#track(persisted);
    return persisted;
  }

  async #persist(edit: VersionEdit): Promise<void> {
    const { layers, versions } = this.#parts;
    try {
      layers.install(await versions.logAndApply(edit));
    } catch (error) {
      this.refuseInDoubt();
      this.noticeFullDisk(error);
      throw error;
    }
  }

  /** Gives up what the change feed has no room for: first the manifest says so, then the files may go. */
  async #trimFeed(): Promise<void> {
    const { logs, feedLog } = this.#parts;
    const gone = feedLog.trim();
    this.#feedAge.watch();
    const { start: feed } = feedLog;
    if (gone.length === 0 || feed === undefined) return;
    await this.persist({ feed });
    logs.discard(gone);
  }

  /** Gives up what the change feed keeps below a segment: first the manifest says so, then the files may go. */
  async dropFeed(below: number): Promise<void> {
    const { logs, feedLog } = this.#parts;
    const gone = feedLog.drop(below);
    const { start: feed } = feedLog;
    if (feed !== undefined) await this.persist({ feed });
    logs.discard(gone);
  }

  /** What is too old for the feed goes, though nobody writes. */
  #watchFeedAge(): AgeWatch {
    const { settings, feedLog, versions } = this.#parts;
    return new AgeWatch(
      settings.components.scheduler,
      () => feedLog.dueInMs,
      () => {
        if (this.gate.refusal === undefined) this.releaseLogs(versions.numbers.logNumber);
      },
    );
  }

  #makeFeed(): Feed {
    const { directory, settings, versions, logs, feedLog, lastSeq, logEnd } = this.#parts;
    const { tuning, logger, durability } = settings;
    const { fileSystem, scheduler } = settings.components;
    const { incarnation } = versions.numbers;
    const partBytesMax = tuning.watchQueueBytesMax;
    const hold = () => this.#holdLogs();
    const host = {
      scheduler,
      logger,
      isSynced: durability === "sync",
      queueBytesMax: tuning.watchQueueBytesMax,
      queuesBytesMax: tuning.watchQueuesBytesMax,
      reading: { fileSystem, scheduler, directory, incarnation, log: feedLog, partBytesMax, hold },
      publishedSeq: () => this.queue.publishedSeq,
      logEnd: () => logs.end,
      sync: () => this.#syncLog(),
    };
    return new Feed(host, { seq: lastSeq, end: logEnd });
  }

  /** Between two groups: what is published by then is on disk. */
  async #syncLog(): Promise<FeedPosition> {
    const { writer } = this.#parts.logs;
    const position = () => ({
      seq: this.queue.publishedSeq,
      end: { segment: writer.segment, offset: writer.offset },
    });
    let synced: FeedPosition | undefined;
    await this.queue.between(async () => {
      await writer.sync();
      synced = position();
    });
    return synced!;
  }

  /** Keeps the log's segments until the result is called. */
  #holdLogs(): () => void {
    const { logs, versions } = this.#parts;
    const unhold = logs.hold();
    return () => {
      unhold();
      const { logNumber } = versions.numbers;
      if (!this.feed.isClosed && logs.isBehind(logNumber)) this.releaseLogs(logNumber);
    };
  }

  #stallReason(): string | undefined {
    const { settings, versions } = this.#parts;
    if (this.#host.reserve().isReleased) return "the disk is full";
    if (this.#alone > 0) return "an erasure takes its place among them";
    if (this.#host.restores().takesPlace) return "a restore takes its place among them";
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
  noticeFullDisk(error: unknown): void {
    if (isDiskFull(error)) this.#host.reserve().release();
  }
}
