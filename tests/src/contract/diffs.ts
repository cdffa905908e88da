import { type Change, type DiffOptions, json, type Key, type Operation, type Range } from "@kvts/common";
import { beforeAll, expect, test } from "vitest";
import { fails, manyItems as many, type Subject, shown, uniqueKey } from "./subject.ts";

/** What a change says: `changed a@1=x → a@2=y`. */
function told({ kind, before, after }: Change<Key>): string {
  const sides = [before, after].filter((side) => side !== undefined);
  return `${kind} ${sides.map(shown).join(" → ")}`;
}

/** What became of keys between two moments. */
export function diffTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const prefix = uniqueKey();
  const named = (name: string): string => prefix + name;

  beforeAll(async () => {
    const put = (name: string, timestamp: number, more: object = {}): Operation => {
      return { op: "put", key: named(name), value: `${name}${timestamp}`, timestamp, ...more };
    };
    const remove = (name: string, timestamp: number): Operation => ({ op: "delete", key: named(name), timestamp });
    // Out of order: what a diff tells is a matter of timestamps alone.
    await store().write([put("added", 150), put("same", 50), put("changed", 200), remove("removed", 200)]);
    await store().write([put("changed", 100), put("removed", 90), put("changed", 120)]);
    await store().write([put("expiring", 100, { expiresAt: 150 }), remove("never", 150)]);
    await store().write([put("came and went", 120), remove("came and went", 130)]);
    await store().write([put("again", 80), remove("again", 120), put("again", 130)]);
  });

  async function diff(options: DiffOptions, range: Range = { prefix }): Promise<string[]> {
    return (await store().diff(range, options).toArray()).map((change) => told(change).replaceAll(prefix, ""));
  }

  test("lists keys that were added, changed and removed, in byte order", async () => {
    expect(await diff({ from: 100, to: 200 })).toEqual([
      "added added@150=added150",
      "changed again@80=again80 → again@130=again130",
      "changed changed@100=changed100 → changed@200=changed200",
      "removed expiring@100=expiring100 until 150",
      "removed removed@90=removed90",
    ]);
  });

  test("both moments are inclusive, and between equal ones nothing changes", async () => {
    expect(await diff({ from: 149, to: 150 })).toEqual([
      "added added@150=added150",
      "removed expiring@100=expiring100 until 150",
    ]);
    expect(await diff({ from: 150, to: 199 })).toEqual([]);
    expect(await diff({ from: 150, to: 150 })).toEqual([]);
    expect(await diff({ from: 110, to: 140 })).toEqual([
      "changed again@80=again80 → again@130=again130",
      "changed changed@100=changed100 → changed@120=changed120",
    ]);
    expect(await diff({ from: 119, to: 125 })).toEqual([
      "removed again@80=again80",
      "added came and went@120=came and went120",
      "changed changed@100=changed100 → changed@120=changed120",
    ]);
  });

  test("takes a range and a limit", async () => {
    const moments = { from: 100, to: 200 };
    expect(await diff({ ...moments, limit: 2 })).toHaveLength(2);
    expect(await diff({ ...moments, limit: 100 })).toHaveLength(5);
    expect(await diff(moments, { prefix: named("a") })).toHaveLength(2);
    expect(await diff(moments, { start: named("again"), end: named("expiring") })).toHaveLength(2);
    expect(await diff(moments, { start: named("expiring"), end: named("expiring") })).toEqual([]);
  });

  test("another version with an equal value is a change", async () => {
    const key = uniqueKey();
    await store().put(key, "v", { timestamp: 1 });
    await store().put(key, "v", { timestamp: 2 });
    const changes = await store().diff({ prefix: key }, { from: 1, to: 2 }).toArray();
    expect(changes).toMatchObject([{ key, kind: "changed", before: { timestamp: 1 }, after: { timestamp: 2 } }]);
    expect(changes[0]!.after!.text()).toBe("v");
  });

  test("keys of any bytes, and times of every form", async () => {
    const { bytes } = subject.shared;
    const key = Uint8Array.from([0xfe, 0xff, 0]);
    await bytes.put(key, "v", { timestamp: "2023-01-12T11:48:12Z" });
    const range = { prefix: key };
    const [change, ...others] = await bytes
      .diff(range, { from: new Date("2023-01-12T11:48:11Z"), to: "2023-01-12T11:48:12.000000Z" })
      .toArray();
    expect([...change!.key]).toEqual([...key]);
    expect(others).toEqual([]);
    expect(await bytes.diff(range, { from: "-1h", to: "now" }).toArray()).toEqual([]);
    await bytes.delete(key);
    expect(await bytes.diff(range, { from: "-1h", to: "+1m" }).toArray()).toMatchObject([{ kind: "removed" }]);
  });

  test(`${many} changes come once each and in order, of one moment of the store`, async () => {
    const other = uniqueKey();
    const keys = Array.from({ length: many }, (_, i) => other + String(i).padStart(6, "0"));
    const write = (value: string, timestamp: number, some = keys) =>
      store().write(some.map((key): Operation => ({ op: "put", key, value, timestamp })));
    await write("before", 10);
    await write("after", 20);
    const changes = store().diff({ prefix: other }, { from: 10, to: 20 });
    const seen = await changes.nextv(1);
    await write("later", 20);
    await store().put(`${keys[0]}+`, "later", { timestamp: 15 });
    for await (const change of changes) seen.push(change);
    expect(seen.map(({ key }) => key)).toEqual(keys);
    expect(new Set(seen.map(({ before, after }) => `${before?.text()} ${after?.text()}`))).toEqual(
      new Set(["before after"]),
    );
  });

  test("long values of both sides come whole", async () => {
    const other = uniqueKey();
    const long = (i: number): Uint8Array => new Uint8Array(700_000).fill(i);
    for (let i = 0; i < 5; i++) {
      await store().put(`${other}${i}`, long(i), { timestamp: 10 });
      await store().put(`${other}${i}`, long(100 + i), { timestamp: 20 });
    }
    const changes = await store().diff({ prefix: other }, { from: 10, to: 20 }).toArray();
    expect(changes).toHaveLength(5);
    for (const [i, { before, after }] of changes.entries()) {
      expect([Buffer.compare(before!.value, long(i)), Buffer.compare(after!.value, long(100 + i))]).toEqual([0, 0]);
    }
  });

  test("a view at a moment compares moments up to it", async () => {
    const view = store().at(160);
    const changes = await view.diff({ prefix }, { from: 149, to: 160 }).toArray();
    expect(changes.map(({ kind }) => kind)).toEqual(["added", "removed"]);
    await fails(async () => view.diff({ prefix }, { from: 149, to: 161 }).toArray(), "INVALID_ARGUMENT");
  });

  test("a typed view tells values of its type", async () => {
    const numbers = store().with({ value: json<number>() });
    const key = uniqueKey();
    await numbers.put(key, 1, { timestamp: 1 });
    await numbers.put(key, 2, { timestamp: 2 });
    const kinds = async (from: number, to: number) => numbers.diff({ prefix: key }, { from, to }).toArray();
    expect(await kinds(1, 2)).toMatchObject([{ key, kind: "changed", before: { value: 1 }, after: { value: 2 } }]);
    const [added] = await kinds(0, 2);
    expect(added).toMatchObject({ kind: "added", after: { value: 2 } });
    expect(added).not.toHaveProperty("before");
    expect(await numbers.at(1).diff({ prefix: key }, { from: 0, to: 1 }).toArray()).toMatchObject([
      { after: { value: 1 } },
    ]);
  });

  const bad: readonly (readonly [name: string, options: unknown])[] = [
    ["no moments", {}],
    ["no options", undefined],
    ["no first moment", { to: 5 }],
    ["no second moment", { from: 5 }],
    ["its moments the wrong way round", { from: 6, to: 5 }],
    ["a moment that is none", { from: "soon", to: 5 }],
    ["a limit of nothing", { from: 1, to: 5, limit: 0 }],
    ["an unknown option", { from: 1, to: 5, reverse: true }],
  ];
  test.each(bad)("a diff with %s is refused", async (_, options) => {
    await fails(
      async () =>
        store()
          .diff({}, options as DiffOptions)
          .toArray(),
      "INVALID_ARGUMENT",
    );
  });

  test("a range of both forms is refused", async () => {
    const range = { prefix: "a", start: "b" } as unknown as Range;
    await fails(async () => store().diff(range, { from: 1, to: 5 }).toArray(), "INVALID_ARGUMENT");
  });
}
