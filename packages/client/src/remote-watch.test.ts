import { KvtsError, type Store, utf8, type WatchEvent } from "@kvts/common";
import { expect, test } from "vitest";
import { type ClientOptions, checkOptions } from "./options.ts";
import { createRemoteStore } from "./remote-store.ts";
import { scriptedWire, unavailable } from "./testing/scripted-wire.ts";
import { virtualRuntime } from "./testing/virtual-runtime.ts";
import { type WatchRequest, type WireEvent, WireFailure } from "./wire.ts";

type Connection = readonly (WireEvent | Error)[];

function event(seq: number, keys: string, marks: Partial<WireEvent> = {}): WireEvent {
  const items = [...keys].map((key) => ({
    key: utf8(key),
    value: utf8(`${key}${seq}`),
    timestamp: seq,
    seq,
    expiresAt: undefined,
  }));
  return { seq, items, initial: false, more: false, incarnation: undefined, ...marks };
}

const begun = (seq: number): WireEvent => event(seq, "", { incarnation: "mine" });
const page = { initial: true, more: true };

/** A store whose watches are served by these connections, one after the other; each ends without a word. */
function scripted(connections: readonly Connection[], options: ClientOptions = {}) {
  const asked: Omit<WatchRequest, "range">[] = [];
  const runtime = virtualRuntime();
  const wire = scriptedWire({
    async *watch({ afterSeq, initial, incarnation }) {
      const script = connections[asked.length] ?? [new WireFailure(new KvtsError("INTERNAL", "no more"), "answered")];
      asked.push({ afterSeq, initial, incarnation });
      for (const step of script) {
        if (step instanceof Error) throw step;
        yield step;
      }
    },
  });
  const store: Store = createRemoteStore(wire, checkOptions(options), runtime);
  return { store, asked, runtime };
}

function told({ seq, items, initial, more }: WatchEvent): string {
  const keys = items.map((item) => (item.op === "deleteRange" || item.op === "restored" ? item.op : item.key)).join("");
  return `${seq}:${keys}${initial === true ? " state" : ""}${more === true ? " more" : ""}`;
}

async function all(watch: AsyncIterable<WatchEvent>): Promise<string[]> {
  const events: string[] = [];
  try {
    for await (const each of watch) events.push(told(each));
  } catch (error) {
    events.push((error as KvtsError).code);
  }
  return events;
}

test("a watch goes on behind what has come last, in the incarnation that it began with", async () => {
  const { store, asked, runtime } = scripted([
    [begun(5), event(6, "a")],
    [unavailable()],
    [begun(6), event(8, "b"), event(9, ""), unavailable("unknown")],
    [begun(9), event(10, "c")],
  ]);
  expect(await all(store.watch())).toEqual(["6:a", "8:b", "10:c", "INTERNAL"]);
  expect(asked).toEqual([
    { afterSeq: undefined, initial: false, incarnation: undefined },
    { afterSeq: 6, initial: false, incarnation: "mine" },
    { afterSeq: 6, initial: false, incarnation: "mine" },
    { afterSeq: 9, initial: false, incarnation: "mine" },
    { afterSeq: 10, initial: false, incarnation: "mine" },
  ]);
  expect(runtime.sleeps).toHaveLength(4);
});

test("a state that breaks off is asked for again at its seq, and given from where it broke off", async () => {
  const { store, asked } = scripted([
    [event(5, "ab", page)],
    [event(5, "a", page), unavailable()],
    [event(5, "a", page), event(5, "bc", page), event(5, "d", page)],
    [event(5, "abc", page), event(5, "d", { initial: true }), event(6, "a")],
  ]);
  expect(await all(store.watch({}, { initial: true }))).toEqual([
    "5:ab state more",
    "5:c state more",
    "5:d state more",
    "5: state",
    "6:a",
    "INTERNAL",
  ]);
  expect(asked.map(({ afterSeq, initial }) => [afterSeq, initial])).toEqual([
    [undefined, true],
    [5, true],
    [5, true],
    [5, true],
    [6, false],
  ]);
});

test("a state that has not begun is asked for as it was before", async () => {
  const { store, asked } = scripted([[unavailable()], [event(7, "a", { initial: true })]]);
  expect(await all(store.watch({}, { initial: true }))).toEqual(["7:a state", "INTERNAL"]);
  expect(asked.map(({ afterSeq, initial }) => [afterSeq, initial])).toEqual([
    [undefined, true],
    [undefined, true],
    [7, false],
  ]);
});

test.each(["CURSOR_EXPIRED", "FEED_TRIMMED", "OVERLOADED"] as const)("%s is not tried again", async (code) => {
  const { store, asked } = scripted([
    [event(5, "a", page)],
    [new WireFailure(new KvtsError(code, "gone", { details: { lastSeq: 5 } }), "answered")],
  ]);
  expect(await all(store.watch({}, { initial: true }))).toEqual(["5:a state more", code]);
  expect(asked).toHaveLength(2);
});

test("a server that is not there is tried as often as any call, one that was there until it is back", async () => {
  const never = scripted([[unavailable()], [unavailable()], [unavailable()]], { retry: { triesMax: 2 } });
  expect(await all(never.store.watch())).toEqual(["UNAVAILABLE"]);
  expect(never.asked).toHaveLength(2);
  const away: Connection[] = Array.from({ length: 50 }, () => [unavailable()]);
  const back = scripted([[begun(1)], ...away, [event(2, "a")]], { retry: { triesMax: 2 } });
  expect(await all(back.store.watch())).toEqual(["2:a", "INTERNAL"]);
  const once = scripted([[begun(1)], [event(2, "a")]], { retry: { triesMax: 1 } });
  expect(await all(once.store.watch())).toEqual(["UNAVAILABLE"]);
});

test("progress is told where it is wanted, also over lost connections", async () => {
  const { store } = scripted([[begun(5)], [begun(5), event(6, "a")]]);
  expect(await all(store.watch({}, { progress: true }))).toEqual(["5:", "5:", "6:a", "INTERNAL"]);
});
