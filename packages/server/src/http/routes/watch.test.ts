import {
  type HostedStore,
  KvtsError,
  makeEntries,
  makeEntry,
  type Range,
  utf8,
  type WatchEvent,
  type WatchOptions,
} from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { describe, expect, test } from "vitest";
import { problemOf, served } from "../../testing/harness.ts";

type Event = WatchEvent<Uint8Array>;

function entry(seq: number): Event["items"][number] {
  return makeEntry({ key: utf8("k"), value: utf8(`v${seq}`), timestamp: seq, seq, expiresAt: undefined });
}

const version = (seq: number): string =>
  `{"key":"k","timestamp":${seq},"time":"1970-01-01T00:00:00.00000${seq}Z","seq":${seq},"value":"v${seq}"}`;

const script: readonly Event[] = [
  { seq: 3, items: [entry(1)], initial: true, more: true },
  { seq: 3, items: [], initial: true },
  { seq: 4, items: [] },
  { seq: 5, items: [entry(5)], more: true },
  { seq: 6, items: [{ op: "retract", key: utf8("k"), timestamp: 5, seq: 6 }] },
];

/** A store whose watches bring what a test says, and then fail. */
function scripted(events: readonly Event[], failure: KvtsError): { store: HostedStore; asked: WatchOptions[] } {
  const asked: WatchOptions[] = [];
  const model = createModelStore();
  const watch = (_range?: Range, options: WatchOptions = {}) => {
    asked.push(options);
    const rest = [...events];
    return makeEntries<Event>({
      pull: () => (rest.length > 0 ? [rest.shift()!] : Promise.reject(failure)),
    });
  };
  const bytes = model.with({ keys: "bytes" });
  const watched = new Proxy(bytes, { get: (target, name) => (name === "watch" ? watch : bound(target, name)) });
  const store = new Proxy(model, { get: (target, name) => (name === "with" ? () => watched : bound(target, name)) });
  return { store, asked };
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === "function" ? value.bind(target) : value;
}

const behind = new KvtsError("OVERLOADED", "too slow", { details: { lastSeq: 6, oldestSeq: 9 } });
const problem =
  '{"type":"urn:kvts:error:OVERLOADED","title":"Too Many Requests","status":429,"detail":"too slow","code":"OVERLOADED","details":{"lastSeq":6,"oldestSeq":9}}';

describe("what a watch sends, byte by byte,", () => {
  async function sent(query: string, accept: string): Promise<{ type: string | null; body: string }> {
    const { fetch } = await served({}, scripted(script, behind).store);
    const response = await fetch(`/v1/watch${query}`, { headers: { accept } });
    expect(response.status).toBe(200);
    expect(response.headers.get("kvts-incarnation")).toMatch(/./);
    expect(response.headers.get("cache-control")).toBe("no-store");
    return { type: response.headers.get("content-type"), body: await response.text() };
  }

  test("as Server-Sent Events", async () => {
    expect(await sent("", "text/event-stream")).toEqual({
      type: "text/event-stream",
      body: [
        `data: {"seq":3,"items":[${version(1)}],"initial":true,"more":true}\n\n`,
        'id: 3\ndata: {"seq":3,"items":[],"initial":true}\n\n',
        ":\nid: 4\n\n",
        `id: 5\ndata: {"seq":5,"items":[${version(5)}],"more":true}\n\n`,
        'id: 6\ndata: {"seq":6,"items":[{"op":"retract","key":"k","timestamp":5,"time":"1970-01-01T00:00:00.000005Z","seq":6}]}\n\n',
        `event: error\ndata: ${problem}\n\n`,
      ].join(""),
    });
  });

  test.each([
    ["", "\n"],
    ["?progress=true", '{"seq":4,"items":[]}\n'],
  ])("as NDJSON%s", async (query, progress) => {
    expect(await sent(query, "application/x-ndjson")).toEqual({
      type: "application/x-ndjson",
      body: [
        `{"seq":3,"items":[${version(1)}],"initial":true,"more":true}\n`,
        '{"seq":3,"items":[],"initial":true}\n',
        progress,
        `{"seq":5,"items":[${version(5)}],"more":true}\n`,
        '{"seq":6,"items":[{"op":"retract","key":"k","timestamp":5,"time":"1970-01-01T00:00:00.000005Z","seq":6}]}\n',
        `{"error":${problem}}\n`,
      ].join(""),
    });
  });
});

test("what is wrong from the start is answered with its own status", async () => {
  const gone = new KvtsError("FEED_TRIMMED", "gone", { details: { oldestSeq: 9 } });
  const { fetch } = await served({}, scripted([], gone).store);
  expect(await problemOf(await fetch("/v1/watch?afterSeq=1"))).toMatchObject({
    status: 410,
    code: "FEED_TRIMMED",
    details: { oldestSeq: 9 },
  });
});

test("Last-Event-ID goes before where the address says to begin", async () => {
  const { store, asked } = scripted(script, behind);
  const { fetch } = await served({}, store);
  const ask = async (query: string, id?: string): Promise<number> => {
    const response = await fetch(`/v1/watch${query}`, id === undefined ? {} : { headers: { "last-event-id": id } });
    await response.text();
    return response.status;
  };
  expect(await ask("?afterSeq=7&initial=true")).toBe(200);
  expect(await ask("?afterSeq=7&initial=true", "5")).toBe(200);
  expect(await ask("?initial=true", "")).toBe(200);
  expect(await ask("", "no number")).toBe(400);
  expect(asked.map(({ afterSeq, initial }) => [afterSeq, initial])).toEqual([
    [7, true],
    [5, false],
    [undefined, true],
  ]);
});
