import { type HostedStore, KvtsError, type Snapshot, silentLogger } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { afterEach, expect, test } from "vitest";
import { createPins, type Pins } from "./pins.ts";

/** A store that tells how many of its snapshots are open, and keeps the past readable only under one. */
function counted(): { store: HostedStore<Uint8Array>; open(): number } {
  const inner = createModelStore().with({ keys: "bytes" });
  const open = new Set<Snapshot<Uint8Array>>();
  const store = new Proxy(inner, {
    get(target, name) {
      if (name !== "snapshot") {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      return ({ seq }: { seq?: number } = {}) => {
        if (seq !== undefined && ![...open].some((view) => view.seq === seq)) {
          throw new KvtsError("CURSOR_EXPIRED", `seq ${seq} is no longer readable`);
        }
        const view = target.snapshot({ seq });
        const close = async (): Promise<void> => {
          open.delete(counting);
          await view.close();
        };
        const counting: Snapshot<Uint8Array> = new Proxy(view, {
          get: (of, key) => (key === "close" ? close : Reflect.get(of, key, of)),
        });
        open.add(counting);
        return counting;
      };
    },
  });
  return { store, open: () => open.size };
}

let pins: Pins | undefined;
afterEach(() => pins?.close());

test("a pin is let go when its listing ends", () => {
  const { store, open } = counted();
  pins = createPins(store, { idleMs: 60_000, pinsMax: 10, logger: silentLogger });
  const pin = pins.open();
  pins.release(pin, true);
  expect(open()).toBe(1);
  pins.release(pins.reopen(pin.id, pin.view.seq), false);
  expect(open()).toBe(0);
});

test("a pin in use by another page stays until that is done too", () => {
  const { store, open } = counted();
  pins = createPins(store, { idleMs: 60_000, pinsMax: 10, logger: silentLogger });
  const pin = pins.open();
  const again = pins.reopen(pin.id, pin.view.seq);
  pins.release(pin, false);
  expect(open()).toBe(1);
  pins.release(again, false);
  expect(open()).toBe(0);
});

test("an idle pin is let go after its time, and its seq with it", async () => {
  const { store, open } = counted();
  pins = createPins(store, { idleMs: 60, pinsMax: 10, logger: silentLogger });
  const pin = pins.open();
  pins.release(pin, true);
  const { seq } = pin.view;
  await expect.poll(open).toBe(0);
  expect(() => pins?.reopen(pin.id, seq)).toThrow(expect.objectContaining({ code: "CURSOR_EXPIRED" }));
});

test("beyond the maximum the longest idle one goes, never one in use", () => {
  const { store, open } = counted();
  pins = createPins(store, { idleMs: 60_000, pinsMax: 2, logger: silentLogger });
  const [inUse, older, newer] = [pins.open(), pins.open(), pins.open()];
  expect(open()).toBe(3);
  pins.release(newer, true);
  pins.release(older, true);
  const another = pins.open();
  expect(open()).toBe(2);
  expect(pins.reopen(inUse.id, inUse.view.seq).id).toBe(inUse.id);
  pins.release(another, true);
});

test("a pin of another seq is not mistaken for a token's", async () => {
  const { store } = counted();
  pins = createPins(store, { idleMs: 60_000, pinsMax: 10, logger: silentLogger });
  const old = pins.open();
  await store.put("a", "v");
  const newer = pins.open();
  const reopened = pins.reopen(newer.id, old.view.seq);
  expect(reopened.view.seq).toBe(old.view.seq);
});

test("closing lets everything go", async () => {
  const { store, open } = counted();
  const all = createPins(store, { idleMs: 60_000, pinsMax: 10, logger: silentLogger });
  all.release(all.open(), true);
  all.open();
  await all.close();
  expect(open()).toBe(0);
});
