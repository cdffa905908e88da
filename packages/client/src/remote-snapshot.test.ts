import { KvtsError, type Store, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { checkOptions } from "./options.ts";
import { createRemoteStore } from "./remote-store.ts";
import { scriptedWire, unavailable } from "./testing/scripted-wire.ts";
import { virtualRuntime } from "./testing/virtual-runtime.ts";
import { type Wire, WireFailure } from "./wire.ts";

const lease = { id: "abc", seq: 7, leaseMs: 60_000 };

function scripted(script: Partial<Wire> = {}) {
  const calls: string[] = [];
  const runtime = virtualRuntime();
  const wire = scriptedWire({
    async createSnapshot(seq) {
      calls.push(`create ${seq}`);
      return lease;
    },
    async renewSnapshot(id) {
      calls.push(`renew ${id}`);
      return lease;
    },
    async releaseSnapshot(id) {
      calls.push(`release ${id}`);
    },
    async get({ snapshot }) {
      return { key: utf8("k"), value: utf8(`in ${snapshot}`), timestamp: 1, seq: 2, expiresAt: undefined };
    },
    ...script,
  });
  const store: Store = createRemoteStore(wire, checkOptions({ retry: { triesMax: 1 } }), runtime);
  /** Lets time pass, a third of a lease at a time, with what it sets off. */
  const pass = async (ms: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    for (let passed = 0; passed < ms; passed += 20_000) {
      runtime.advance(20_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { store, calls, runtime, pass };
}

const expired = new WireFailure(new KvtsError("SNAPSHOT_EXPIRED", "its lease has ended; open another"), "answered");

test("reads name the snapshot, which is renewed while it is open, and released once", async () => {
  const { store, calls, runtime, pass } = scripted();
  const snapshot = await store.snapshot({ seq: 7 });
  expect(snapshot.seq).toBe(7);
  expect((await snapshot.get("k"))?.text()).toBe("in abc");
  expect((await store.get("k"))?.text()).toBe("in undefined");
  await pass(60_000);
  await snapshot.close();
  await snapshot.close();
  await pass(60_000);
  expect(calls).toEqual(["create 7", "renew abc", "renew abc", "renew abc", "release abc"]);
  expect(runtime.timers).toBe(0);
});

test("a renewal that fails is tried again; one that is too late ends it", async () => {
  const failures = [unavailable(), unavailable(), undefined, expired];
  let renewals = 0;
  const { store, calls, runtime, pass } = scripted({
    async renewSnapshot() {
      const failure = failures[renewals++];
      if (failure !== undefined) throw failure;
      return lease;
    },
  });
  await using snapshot = await store.snapshot();
  await pass(60_000);
  expect((await snapshot.get("k"))?.text()).toBe("in abc");
  await pass(60_000);
  expect(renewals).toBe(4);
  await expect(snapshot.get("k")).rejects.toMatchObject({ code: "SNAPSHOT_EXPIRED" });
  await expect(snapshot.scan().toArray()).rejects.toMatchObject({ code: "SNAPSHOT_EXPIRED" });
  expect(runtime.timers).toBe(0);
  await snapshot.close();
  expect(calls).toEqual(["create undefined"]);
});

test("a renewal under way is not joined by another", async () => {
  let answer: (() => void) | undefined;
  let renewals = 0;
  const { store, pass } = scripted({
    renewSnapshot() {
      renewals++;
      return new Promise((resolve) => {
        answer = () => resolve(lease);
      });
    },
  });
  const snapshot = await store.snapshot();
  await pass(40_000);
  expect(renewals).toBe(1);
  answer?.();
  await pass(20_000);
  expect(renewals).toBe(2);
  answer?.();
  await snapshot.close();
});

test("closing the client closes what is open, whether the server answers or not", async () => {
  const { store, calls, runtime } = scripted({
    async releaseSnapshot(id) {
      calls.push(`release ${id}`);
      throw unavailable();
    },
  });
  const [one, other] = [await store.snapshot(), await store.with({ keys: "bytes" }).snapshot()];
  await other.close();
  await store.close();
  expect(calls).toEqual(["create undefined", "create undefined", "release abc", "release abc"]);
  expect(runtime.timers).toBe(0);
  await expect(one.get("k")).rejects.toMatchObject({ code: "CLOSED" });
});

test("a process with an open snapshot is not kept alive by its timer", async () => {
  const { systemRuntime } = await import("./runtime.ts");
  const active = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = active();
  const stop = systemRuntime.every(1000, () => {});
  expect(active()).toBe(before);
  stop();
});
