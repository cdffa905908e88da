import { deepEqual, ok } from "node:assert/strict";
import { isKvtsError, type Operation, type WriteResult } from "@kvts/common";
import type { ManualClock } from "../manual-clock.ts";
import type { Random } from "../random.ts";
import type { TestBatch, TestOperation, TestStore } from "../test-store.ts";

/** Microseconds that a store remembers a request id for. */
const REQUEST_WINDOW = 600_000_000;
const WRITES_MAX = 20;

interface NamedWrite {
  readonly requestId: string;
  readonly operations: readonly TestOperation[];
  batch: TestBatch;
  readonly moment: number;
}

/**
 * Writes with request ids, over all processes of a life. Sent again, one that has happened does not happen again, and
 * gets the answer of the first; one that a crash has lost happens then.
 */
export class NamedWrites {
  readonly #random: Random;
  readonly #clock: ManualClock;
  #writes: NamedWrite[] = [];
  #count = 0;

  constructor(random: Random, clock: ManualClock) {
    this.#random = random;
    this.#clock = clock;
  }

  /** A write under an id of its own; others may be under way. */
  begin(store: TestStore, operations: readonly TestOperation[]): Promise<TestBatch> {
    return this.#submit(store, `named ${++this.#count}`, operations);
  }

  /** A process has ended, and these of its batches, and of those before, are what the next one has found. */
  adopt(survivors: readonly TestBatch[]): void {
    for (const write of this.#writes) {
      // The operations are the same object in every copy of a batch.
      const found = survivors.find(({ operations }) => operations === write.batch.operations);
      write.batch = found ?? { ...write.batch, state: "refused" };
    }
  }

  /** Ids are not known for certain any more. */
  forget(): void {
    this.#writes = [];
  }

  /**
   * Sends one of them again, while no write is under way; undefined where it was answered, or there is none.
   * @throws where it happens twice, or its id stands for another write too
   */
  async again(store: TestStore): Promise<TestBatch | undefined> {
    // What was forgotten at a later hour stays forgotten where the clock goes back.
    this.#writes = this.#writes
      .filter(({ moment }) => moment >= this.#clock.latest - REQUEST_WINDOW)
      .slice(-WRITES_MAX);
    if (this.#writes.length === 0) return undefined;
    const write = this.#random.pick(this.#writes);
    if (write.batch.state === "acknowledged") await this.#expectAnswer(store, write);
    if (write.batch.state !== "refused") return undefined;
    if (!write.operations.every((operation) => isStillGood(store, operation))) return undefined;
    return await this.#sendAnew(store, write);
  }

  async #expectAnswer({ db }: TestStore, { requestId, operations, batch }: NamedWrite): Promise<void> {
    const assigned = operations.findIndex(({ timestamp }) => timestamp === undefined);
    const { timestamp } = batch.operations.at(assigned)!;
    const answer = await db.write(operations as readonly Operation[], { requestId });
    const expected: WriteResult = { timestamp, seq: batch.lastSeq };
    deepEqual(answer, expected, `what ${requestId} is answered when it is sent again`);
    const others = [...operations, operations[0]!] as readonly Operation[];
    const error: unknown = await db.write(others, { requestId }).then(
      () => undefined,
      (error: unknown) => error,
    );
    ok(isKvtsError(error, "INVALID_ARGUMENT"), `other content under ${requestId}: ${error}`);
  }

  async #sendAnew(store: TestStore, write: NamedWrite): Promise<TestBatch | undefined> {
    this.#writes = this.#writes.filter((one) => one !== write);
    return await this.#submit(store, write.requestId, write.operations);
  }

  async #submit(store: TestStore, requestId: string, operations: readonly TestOperation[]): Promise<TestBatch> {
    const settled = store.submit(operations, false, { requestId });
    this.#writes.push({ requestId, operations, batch: store.batches.at(-1)!, moment: this.#clock.now() });
    return await settled;
  }
}

/** Time has passed since it was refused or lost: an expiry may lie before what would be assigned now. */
function isStillGood(store: TestStore, operation: TestOperation): boolean {
  const { timestamp } = operation;
  if (timestamp === undefined) return operation.op !== "put" || operation.expiresAt === undefined;
  const horizon =
    operation.op === "deleteRange"
      ? store.horizonMaxOver({ start: operation.start, end: operation.end })
      : store.horizonMax(operation.key);
  return timestamp >= horizon;
}
