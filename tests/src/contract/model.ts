import { checkErase, type Entry, type Operation, resolveRange, type Snapshot, utf8, type Version } from "@kvts/common";
import { Model, type ModelOperation, type ModelVersion, sameVersion } from "@kvts/db/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Subject, uniqueKey } from "./subject.ts";

/** Few keys and timestamps, so that versions meet; some lie on both sides of a 32-bit boundary. */
const suffixes = ["", "\0", "a", "ab", "b", "🦊"] as const;
const timestamps = [0, 1, 2, 3, 5, 8, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 44] as const;
const farExpiry = 2 ** 52;

const key = fc.constantFrom(...suffixes);
const timestamp = fc.constantFrom(...timestamps);
const operation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("put" as const),
      key,
      timestamp,
      value: fc.oneof(
        fc.uint8Array({ maxLength: 12 }),
        fc.integer({ min: -9, max: 9 }).map((number) => utf8(`${number}`)),
      ),
      life: fc.option(fc.constantFrom(1, 2, 4, farExpiry), { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom("delete" as const, "retract" as const), key, timestamp }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("deleteRange" as const), start: key, end: key, timestamp }) },
);
type Drawn = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const list = { reverse: fc.boolean(), limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }) };
const asOf = fc.option(timestamp, { nil: undefined });
const stepLength = fc.constantFrom(1, 3, 2 ** 32, 2 ** 52);
const question = fc.oneof(
  fc.record({ ask: fc.constant("get" as const), key, asOf }),
  fc.record({ ask: fc.constant("getMany" as const), keys: fc.array(key), asOf }),
  fc.record({ ask: fc.constant("scan" as const), start: key, end: key, asOf, includeDeleted: fc.boolean(), ...list }),
  fc.record({ ask: fc.constant("history" as const), key, from: asOf, to: asOf, ...list }),
  fc.record({ ask: fc.constant("aggregate" as const), key, from: asOf, to: asOf, step: stepLength, limit: list.limit }),
  fc.record({ ask: fc.constant("diff" as const), start: key, end: key, one: timestamp, other: timestamp }),
);
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { weight: 36, arbitrary: fc.record({ write: fc.array(operation, { minLength: 1, maxLength: 4 }) }) },
  { weight: 54, arbitrary: fc.record({ question, inSnapshot: fc.boolean() }) },
  { weight: 18, arbitrary: fc.constant({ snapshot: true } as const) },
  // Each takes a while: the shared store is written anew as far as it holds something of the range.
  { weight: 1, arbitrary: fc.record({ erase: fc.oneof(fc.record({ key }), fc.record({ start: key, end: key })) }) },
);

export function modelTests(subject: Subject): void {
  test("random histories read as the reference model says", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await using run = new Run(subject, uniqueKey());
        for (const each of steps) {
          if ("write" in each) await run.write(each.write);
          else if ("erase" in each) await run.erase(each.erase);
          else if ("snapshot" in each) await run.openSnapshot();
          else await run.ask(each.question, each.inSnapshot);
        }
        await run.askAll();
      }),
      { numRuns: subject.modelRuns ?? 25 },
    );
  });
}

function storeOperation(operation: ModelOperation): Operation {
  if (operation.op !== "deleteRange") return operation;
  const { op, timestamp, range } = operation;
  return { op, timestamp, ...range };
}

/** A store and a model that are told the same. */
class Run {
  readonly #subject: Subject;
  readonly #prefix: string;
  readonly #model: Model = new Model();
  #snapshot: Snapshot<Uint8Array> | undefined;
  #snapshotSeq = 0;

  constructor(subject: Subject, prefix: string) {
    this.#subject = subject;
    this.#prefix = prefix;
  }

  async write(drawn: readonly Drawn[]): Promise<void> {
    const { store } = this.#subject.shared;
    const operations = drawn.map((each) => this.#operation(each));
    const { seq } = await (operations.length === 1
      ? this.#single(operations[0]!)
      : store.write(operations.map(storeOperation)));
    this.#model.commit(operations, seq);
  }

  async erase(drawn: { readonly key: string } | { readonly start: string; readonly end: string }): Promise<void> {
    const { bytes } = this.#subject.shared;
    const target =
      "key" in drawn ? { key: this.#key(drawn.key) } : { start: this.#key(drawn.start), end: this.#key(drawn.end) };
    const { range } = checkErase(target, undefined);
    const { removed } = await bytes.erase(target, { dryRun: true });
    expect(removed).toBe(this.#model.countErased(range));
    const { seq } = await bytes.erase(target);
    this.#model.erase(range, seq);
  }

  /** In place of the one that is open. */
  async openSnapshot(): Promise<void> {
    await this.#snapshot?.close();
    this.#snapshot = await this.#subject.shared.bytes.snapshot();
    this.#snapshotSeq = this.#model.seq;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshot?.close();
  }

  /** Asks the store, or the snapshot where one is open. */
  async ask(asked: Question, inSnapshot: boolean): Promise<void> {
    const model = this.#model;
    const bytes = (inSnapshot ? this.#snapshot : undefined) ?? this.#subject.shared.bytes;
    const atSeq = bytes === this.#snapshot ? this.#snapshotSeq : undefined;
    const now = Date.now() * 1000;
    if (asked.ask === "get") {
      const { asOf } = asked;
      const [found, at] = [await bytes.get(this.#key(asked.key), { asOf }), this.#key(asked.key)];
      expectSame(asked, [found], [model.get(at, { now, asOf, atSeq })]);
    } else if (asked.ask === "getMany") {
      const keys = asked.keys.map((each) => this.#key(each));
      const expected = keys.map((each) => model.get(each, { now, asOf: asked.asOf, atSeq }));
      expectSame(asked, await bytes.getMany(keys, { asOf: asked.asOf }), expected);
    } else if (asked.ask === "scan") {
      const range = { start: this.#key(asked.start), end: this.#key(asked.end) };
      const { asOf, reverse, limit, includeDeleted } = asked;
      const found = await bytes.scan(range, { asOf, reverse, limit, includeDeleted }).toArray();
      expectSame(asked, found, model.scan(resolveRange(range), { now, ...asked, atSeq }));
    } else if (asked.ask === "aggregate") {
      const { step, from, to, limit } = asked;
      const at = this.#key(asked.key);
      expect(await bytes.aggregate(at, { step, from, to, limit }).toArray()).toEqual(
        model.aggregate(at, { ...asked, atSeq }),
      );
    } else if (asked.ask === "diff") {
      const range = { start: this.#key(asked.start), end: this.#key(asked.end) };
      const moments = { from: Math.min(asked.one, asked.other), to: Math.max(asked.one, asked.other) };
      const changes = await bytes.diff(range, moments).toArray();
      const expected = model.diff(resolveRange(range), { ...moments, atSeq });
      expectSame(asked, changes.flatMap(bothSides), expected.flatMap(bothSides));
    } else {
      const { from, to, reverse, limit } = asked;
      const at = this.#key(asked.key);
      expectSame(
        asked,
        await bytes.history(at, { from, to, reverse, limit }).toArray(),
        model.history(at, { ...asked, atSeq }),
      );
    }
  }

  /** Every key's whole history, and the whole store at every moment that matters. */
  async askAll(): Promise<void> {
    const { bytes } = this.#subject.shared;
    const range = { prefix: this.#prefix };
    const now = Date.now() * 1000;
    for (const each of suffixes) {
      const at = this.#key(each);
      expectSame({ history: each }, await bytes.history(at).toArray(), this.#model.history(at));
    }
    for (const moment of [...timestamps, undefined]) {
      const expected = this.#model.scan(resolveRange(range), { now, asOf: moment });
      expectSame({ scan: moment }, await bytes.scan(range, { asOf: moment }).toArray(), expected);
    }
  }

  #single(operation: ModelOperation): Promise<{ readonly seq: number }> {
    const { store } = this.#subject.shared;
    if (operation.op === "deleteRange") return store.deleteRange(operation.range, { timestamp: operation.timestamp });
    const { op, key, timestamp } = operation;
    if (op === "put") return store.put(key, operation.value, { timestamp, expiresAt: operation.expiresAt });
    return op === "delete" ? store.delete(key, { timestamp }) : store.retract(key, timestamp);
  }

  #key(suffix: string): Uint8Array {
    return utf8(this.#prefix + suffix);
  }

  #operation(drawn: Drawn): ModelOperation {
    if (drawn.op === "deleteRange") {
      const { op, timestamp } = drawn;
      return { op, timestamp, range: { start: this.#key(drawn.start), end: this.#key(drawn.end) } };
    }
    const at = this.#key(drawn.key);
    if (drawn.op !== "put") return { op: drawn.op, key: at, timestamp: drawn.timestamp };
    const expiresAt = drawn.life === undefined ? undefined : drawn.timestamp + drawn.life;
    return { op: "put", key: at, value: drawn.value, timestamp: drawn.timestamp, expiresAt };
  }
}

function bothSides<T>({ before, after }: { before?: T; after?: T }): (T | undefined)[] {
  return [before, after];
}

type Found = Version<Uint8Array> | Entry<Uint8Array> | undefined;

function expectSame(asked: unknown, found: readonly Found[], expected: readonly (ModelVersion | undefined)[]): void {
  const versions = found.map((each): ModelVersion | undefined => {
    if (each === undefined) return undefined;
    return each.deleted === true ? { ...each, op: "delete" } : { ...each, op: "put" };
  });
  const same = versions.length === expected.length && versions.every((each, i) => sameVersion(each, expected[i]));
  if (!same) expect({ asked, found: versions }).toEqual({ asked, found: expected });
  expect(same).toBe(true);
}
