import { deepEqual, equal } from "node:assert/strict";
import { isKvtsError, type Operation, type Precondition, type WriteOptions, type WriteResult } from "@kvts/common";
import type { KeyPool } from "./key-pool.ts";
import { type ModelVersion, writesTo } from "./model.ts";
import type { Random } from "./random.ts";
import type { RandomOperations } from "./random-operations.ts";
import { modelOperation, type TestOperation, type TestStore } from "./test-store.ts";

/** Microseconds that a store remembers a request id for. */
const REQUEST_WINDOW = 600_000_000;
const NAMED_MAX = 50;

interface NamedWrite {
  readonly operations: readonly Operation[];
  readonly options: WriteOptions;
  readonly answer: WriteResult;
  readonly moment: number;
}

/** Writes with conditions and request ids, whose outcome the model foretells; one at a time. */
export class RandomAdmission {
  readonly #random: Random;
  readonly #store: TestStore;
  readonly #operations: RandomOperations;
  readonly #pool: KeyPool;
  readonly #idsBegin: string;
  #named: NamedWrite[] = [];
  #count = 0;

  /** @param idsBegin how the ids of its writes begin */
  constructor(
    random: Random,
    store: TestStore,
    operations: RandomOperations,
    pool: KeyPool,
    idsBegin: string = "request",
  ) {
    this.#random = random;
    this.#store = store;
    this.#operations = operations;
    this.#pool = pool;
    this.#idsBegin = idsBegin;
  }

  /** A new write, or one that was acknowledged once more. */
  async any(): Promise<void> {
    // What was forgotten at a later hour stays forgotten where the clock goes back.
    const now = this.#store.clock.latest;
    this.#named = this.#named.filter(({ moment }) => moment >= now - REQUEST_WINDOW).slice(-NAMED_MAX);
    if (this.#named.length > 0 && this.#random.chance(0.4)) await this.#again(this.#random.pick(this.#named));
    else await this.#write();
  }

  /** It has happened, so it does not happen again, nor with other content. */
  async #again({ operations, options, answer }: NamedWrite): Promise<void> {
    const { db } = this.#store;
    deepEqual(await db.write(operations, options), answer, "a write sent again has the first one's answer");
    const others = [...operations, { op: "delete", key: this.#random.pick(this.#pool.keys), timestamp: 1 } as const];
    equal(await codeOf(db.write(others, options)), "INVALID_ARGUMENT", "a request id stands for one write");
  }

  async #write(): Promise<void> {
    const random = this.#random;
    const operations = Array.from({ length: random.between(1, 4) }, () => this.#operations.one());
    const preconditions = Array.from({ length: random.below(3) }, () => this.#precondition(operations));
    const requestId = random.chance(0.5) ? `${this.#idsBegin} ${++this.#count}` : undefined;
    const options = { preconditions, requestId };
    const expected = (await this.#wouldSucceed(operations, preconditions)) ? "acknowledged" : "CONFLICT";
    const moment = this.#store.clock.now();
    const batch = await this.#store.submit(operations, false, options);
    const { state, error } = batch;
    if (error !== undefined && !isKvtsError(error)) throw error;
    equal(
      isKvtsError(error) ? error.code : state,
      expected,
      `${JSON.stringify(preconditions)} of ${operations.length}`,
    );
    if (requestId === undefined || state !== "acknowledged") return;
    const assigned = operations.findIndex(({ timestamp }) => timestamp === undefined);
    const { timestamp } = batch.operations.at(assigned)!;
    const answer = { timestamp, seq: batch.lastSeq };
    this.#named.push({ operations: operations as readonly Operation[], options, answer, moment });
  }

  /** Mostly on a key that is written, and mostly one that holds. */
  #precondition(operations: readonly TestOperation[]): Precondition {
    const random = this.#random;
    const operation = random.pick(operations);
    const isOwn = operation.op !== "deleteRange" && random.chance(0.7);
    const key = isOwn ? operation.key : random.pick(this.#pool.keys);
    const version = this.#visible(key);
    if (version === undefined || random.chance(0.1)) return { key, ifAbsent: true };
    const offset = random.chance(0.2) ? 1 : 0;
    if (random.chance(0.5)) return { key, ifSeq: version.seq + offset };
    return { key, ifTimestamp: Math.max(0, version.timestamp - offset) };
  }

  async #wouldSucceed(operations: readonly TestOperation[], preconditions: readonly Precondition[]): Promise<boolean> {
    const { db, clock, model } = this.#store;
    const { lastAssignedTimestamp } = await db.stats();
    const assigned = Math.max(clock.now(), Number(lastAssignedTimestamp) + 1);
    return preconditions.every(({ key, ifAbsent, ifSeq, ifTimestamp }) => {
      const version = this.#visible(key as Uint8Array);
      if (ifAbsent === true && version !== undefined) return false;
      if (ifSeq !== undefined && version?.seq !== ifSeq) return false;
      if (ifTimestamp !== undefined && version?.timestamp !== ifTimestamp) return false;
      const newest = model.entries(key as Uint8Array)[0]?.timestamp ?? 0;
      const own = operations.filter((operation) => writesTo(modelOperation(operation, assigned), key as Uint8Array));
      return own.every(({ timestamp = assigned }) => timestamp >= newest);
    });
  }

  #visible(key: Uint8Array): ModelVersion | undefined {
    return this.#store.model.get(key, { now: this.#store.clock.now() });
  }
}

async function codeOf(write: Promise<WriteResult>): Promise<string> {
  try {
    await write;
    return "written";
  } catch (error) {
    if (!isKvtsError(error)) throw error;
    return error.code;
  }
}
