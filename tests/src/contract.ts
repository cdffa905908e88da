import { afterAll, beforeAll, describe } from "vitest";
import { aggregateTests } from "./contract/aggregates.ts";
import { atTests } from "./contract/at.ts";
import { batchTests } from "./contract/batches.ts";
import { conditionTests } from "./contract/conditions.ts";
import { diffTests } from "./contract/diffs.ts";
import { entriesTests } from "./contract/entries.ts";
import { eraseTests } from "./contract/erasures.ts";
import { getManyTests } from "./contract/get-many.ts";
import { historyTests } from "./contract/histories.ts";
import { hostedTests } from "./contract/hosted.ts";
import { keyTests } from "./contract/keys.ts";
import { lifecycleTests } from "./contract/lifecycle.ts";
import { modelTests } from "./contract/model.ts";
import { rangeDeleteTests } from "./contract/range-deletes.ts";
import { rangeTests } from "./contract/ranges.ts";
import { refusalTests } from "./contract/refusals.ts";
import { requestIdTests } from "./contract/request-ids.ts";
import { restoreTests } from "./contract/restore.ts";
import { retentionTests } from "./contract/retention.ts";
import { retractTests } from "./contract/retracts.ts";
import { scanTests } from "./contract/scans.ts";
import { snapshotTests } from "./contract/snapshots.ts";
import type { Capabilities, OpenedStore, Subject } from "./contract/subject.ts";
import { timeTests } from "./contract/times.ts";
import { typedTests } from "./contract/typed.ts";
import { valueTests } from "./contract/values.ts";
import { versionTests } from "./contract/versions.ts";
import { watchTests } from "./contract/watches.ts";
import { writeTests } from "./contract/writes.ts";

export type { Capabilities, OpenedStore } from "./contract/subject.ts";

export interface ContractOptions extends Capabilities {
  /** Opens an empty store. Called for each test that needs one of its own, and once for all others. */
  open(): Promise<OpenedStore>;
  /** Only what writes, and reads single keys: of an implementation that differs from another in these alone. */
  readonly coreOnly?: boolean;
  /** With it also lists, without refusals: of our client on a wire of another make. */
  readonly lists?: boolean;
}

/** Generous, since an implementation may start a process for a store. */
const timeoutMs = 60_000;

/**
 * What every `Store` promises, as one suite of tests for all implementations: the engine, the clients, the reference
 * store. docs/semantics.md is the text that it checks.
 */
export function storeContract(name: string, options: ContractOptions): void {
  describe(name, { timeout: timeoutMs }, () => {
    let shared: OpenedStore | undefined;
    beforeAll(async () => {
      shared = await options.open();
    }, timeoutMs);
    afterAll(async () => shared?.close(), timeoutMs);

    const subject: Subject = {
      ...options,
      get shared() {
        if (shared === undefined) throw new Error("the shared store is open while tests run, and not before");
        return shared;
      },
      async fresh() {
        const opened = await options.open();
        return { ...opened, [Symbol.asyncDispose]: () => opened.close() };
      },
    };
    describe("versions", () => versionTests(subject));
    describe("writes", () => writeTests(subject));
    describe("batches", () => batchTests(subject));
    describe("retracts", () => retractTests(subject));
    describe("deleted ranges", () => rangeDeleteTests(subject));
    describe("conditions", () => conditionTests(subject));
    describe("request ids", () => requestIdTests(subject));
    describe("getMany", () => getManyTests(subject));
    describe("times", () => timeTests(subject));
    // Most are made before anything is sent.
    if (options.lists !== true) describe("refusals", () => refusalTests(subject));
    if (options.coreOnly === true && options.lists !== true) return;
    describe("keys", () => keyTests(subject));
    describe("ranges", () => rangeTests(subject));
    describe("scans", () => scanTests(subject));
    describe("histories", () => historyTests(subject));
    describe("diffs", () => diffTests(subject));
    if (options.coreOnly === true) return;
    describe("lifecycle", () => lifecycleTests(subject));
    describe("values", () => valueTests(subject));
    describe("histories in numbers", () => aggregateTests(subject));
    describe("watches", () => watchTests(subject));
    describe("typed views", () => typedTests(subject));
    describe("views at a moment", () => atTests(subject));
    describe("lists", () => entriesTests(subject));
    describe("model", () => modelTests(subject));
    describe("snapshots", () => snapshotTests(subject));
    describe("restore", () => restoreTests(subject));
    describe("erasures", () => eraseTests(subject));
    // Last of all: what it cuts stays cut.
    describe("retention", () => retentionTests(subject));
    if (options.hosted === true) describe("snapshots, flushes and merges", () => hostedTests(subject));
  });
}
