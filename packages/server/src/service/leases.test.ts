import { silentLogger } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLeases, type LeaseOptions, type Leases } from "./leases.ts";

const store = createModelStore().with({ keys: "bytes" });
const key = Uint8Array.of(1);

let leases: Leases;
let open = 0;

function leasing(options: Partial<LeaseOptions> = {}): Leases {
  const counted = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== "snapshot") return value;
      return (asked: { seq?: number }) => {
        const view = target.snapshot(asked);
        open++;
        const close = async (): Promise<void> => {
          open--;
          await view.close();
        };
        return { seq: view.seq, get: view.get.bind(view), close };
      };
    },
  });
  const defaults = { incarnation: "i", snapshotLeaseMs: 60_000, maxSnapshots: 3, logger: silentLogger };
  return createLeases(counted, { ...defaults, ...options });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
  open = 0;
  leases = leasing();
});
afterEach(async () => {
  await leases.close();
  vi.useRealTimers();
});

const expired = expect.objectContaining({ code: "SNAPSHOT_EXPIRED" });
const seqOf = (id: string): Promise<number> => leases.use(id, async ({ seq }) => seq);

test("a lease shows its seq until it is released", async () => {
  const { id, seq, leaseMs } = leases.create(undefined);
  await store.put(key, "later");
  expect([await seqOf(id), leaseMs]).toEqual([seq, 60_000]);
  leases.release(id);
  leases.release(id);
  expect(open).toBe(0);
  await expect(seqOf(id)).rejects.toEqual(expired);
});

test("a lease ends in time, unless it is renewed", async () => {
  const [renewed, left] = [leases.create(undefined), leases.create(undefined)];
  vi.advanceTimersByTime(59_000);
  expect(leases.renew(renewed.id)).toEqual(renewed);
  vi.advanceTimersByTime(1000);
  await expect(seqOf(left.id)).rejects.toEqual(expired);
  expect(() => leases.renew(left.id)).toThrow(expired);
  vi.advanceTimersByTime(58_000);
  expect(await seqOf(renewed.id)).toBe(renewed.seq);
  // Reading is not renewing.
  vi.advanceTimersByTime(1000);
  await expect(seqOf(renewed.id)).rejects.toEqual(expired);
  expect(open).toBe(0);
});

test("what nobody asks for any more is let go all the same", () => {
  leases.create(undefined);
  expect(open).toBe(1);
  vi.advanceTimersByTime(70_001);
  expect(open).toBe(0);
});

test("a read that is under way is carried through", async () => {
  const { id } = leases.create(undefined);
  await leases.use(id, async (view) => {
    leases.release(id);
    expect(open).toBe(1);
    await view.get(key);
  });
  expect(open).toBe(0);
});

test("there are no more than there may be; those that have ended make room", () => {
  const first = leases.create(undefined);
  leases.create(undefined);
  leases.create(undefined);
  expect(() => leases.create(undefined)).toThrow(
    expect.objectContaining({ code: "OVERLOADED", details: { limit: 3 }, message: expect.stringContaining("3 snap") }),
  );
  leases.release(first.id);
  vi.advanceTimersByTime(5000);
  leases.create(undefined);
  expect(leases.stats()).toEqual({ count: 3, countMax: 3, oldestAgeMs: 5000 });
  vi.advanceTimersByTime(55_000);
  leases.create(undefined);
  expect(leases.stats()).toEqual({ count: 2, countMax: 3, oldestAgeMs: 55_000 });
});

test("ids say nothing, and are of one incarnation", async () => {
  const ids = [leases.create(undefined).id, leases.create(undefined).id];
  for (const id of ids) expect(id).toMatch(/^[\w-]{32}$/);
  expect(ids[0]!.slice(12)).not.toBe(ids[1]!.slice(12));
  const others = leasing({ incarnation: "other" });
  const foreign = others.create(undefined).id;
  await expect(seqOf(foreign)).rejects.toThrow(/of another store/);
  leases.release(foreign);
  await others.close();
});

test.each(["", "nonsense", "!", "A".repeat(31), "A".repeat(33), "A".repeat(4096)])("%j is no id", async (id) => {
  const wrong = expect.objectContaining({ code: "INVALID_ARGUMENT", details: { field: "snapshot" } });
  await expect(seqOf(id)).rejects.toEqual(wrong);
  expect(() => leases.renew(id)).toThrow(wrong);
  expect(() => leases.release(id)).toThrow(wrong);
});

test("closing lets everything go", async () => {
  leases.create(undefined);
  leases.create(undefined);
  await leases.close();
  expect(open).toBe(0);
});
