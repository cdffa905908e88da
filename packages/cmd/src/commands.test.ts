import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scratch } from "./testing/kvts.ts";
import { kvtsHere } from "./testing/kvts-here.ts";
import { newStore, newStoreHere, targets } from "./testing/targets.ts";

describe.each(targets)("%s", (target) => {
  test("get writes exactly the value's bytes, as of any moment", async () => {
    const run = await newStore(target);
    expect(await run(["put", "key", "value1", "--ts", "100"])).toMatchObject({ code: 0, err: "" });
    expect(await run(["put", "key", "value2", "--ts", "101"])).toMatchObject({ code: 0, err: "" });
    expect(await run(["get", "key", "--at", "99"])).toMatchObject({ code: 3, out: "" });
    expect(await run(["get", "key", "--at", "100"])).toMatchObject({ code: 0, out: "value1", err: "" });
    expect(await run(["get", "key", "--at", "-5m"])).toMatchObject({ code: 0, out: "value2" });
    expect(await run(["delete", "key", "--ts", "102"])).toMatchObject({ code: 0 });
    expect(await run(["get", "key"])).toMatchObject({
      code: 3,
      out: "",
      err: "kvts: key has no value; `kvts history` lists its versions\n",
    });
    expect((await run(["history", "key"])).out).toBe(
      "1970-01-01T00:00:00.000102Z\t(deleted)\n1970-01-01T00:00:00.000101Z\tvalue2\n1970-01-01T00:00:00.000100Z\tvalue1\n",
    );
  });

  test("conditions: a write that would overwrite another's is refused, and tells what is there", async () => {
    const run = await newStoreHere(target);
    const first = JSON.parse((await run(["put", "k", "v1", "--if-absent", "--json"])).out) as { seq: number };
    const refused = await run(["put", "k", "v2", "--if-absent", "--json"]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(JSON.parse(refused.err)).toMatchObject({ error: { code: "CONFLICT", details: { currentSeq: first.seq } } });
    expect(await run(["put", "k", "v2", "--if-seq", String(first.seq), "--ts", "+1m"])).toMatchObject({ code: 0 });
    expect(await run(["delete", "k", "--if-timestamp", "5"])).toMatchObject({ code: 1 });
    expect((await run(["get", "k"])).out).toBe("v2");
    for (const bad of [
      ["--if-seq", "1e3"],
      ["--if-seq", "9007199254740992"],
      ["--if-seq", "1", "--if-absent"],
      ["--if-timestamp", "soon"],
      ["--request-id", "x".repeat(129)],
    ]) {
      expect(await run(["put", "k", "v", ...bad]), bad.join(" ")).toMatchObject({ code: 2, out: "" });
    }
  });

  test("retract takes back what was written at a timestamp", async () => {
    const run = await newStoreHere(target);
    for (const ts of ["100", "101"]) await run(["put", "k", `v${ts}`, "--ts", ts]);
    const { code, out } = await run(["retract", "k", "--ts", "101", "--if-timestamp", "101", "--json"]);
    const time = "1970-01-01T00:00:00.000101Z";
    expect([code, JSON.parse(out)]).toEqual([0, { key: "k", timestamp: 101, time, seq: expect.any(Number) }]);
    expect((await run(["get", "k"])).out).toBe("v100");
    expect(await run(["retract", "k", "--ts", "99"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1970-01-01T00:00:00.000099Z\tseq \d+\n$/),
    });
    expect(await run(["retract", "k", "--ts", "100", "--if-absent"])).toMatchObject({ code: 1, out: "" });
    expect((await run(["history", "k"])).out).toBe("1970-01-01T00:00:00.000100Z\tv100\n");
  });

  test("retention is set, tried out, listed and deleted by prefix", async () => {
    const run = await newStoreHere(target);
    for (const ts of ["100", "200"]) await run(["put", "m:k", `v${ts}`, "--ts", ts]);
    const set = ["retention", "set", "--prefix", "m:", "--keep-for", "30d"];
    expect(await run([...set, "--dry-run"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1 versions with 7 bytes would go; with it, history before .* is cut\n$/),
    });
    expect((await run(["retention", "list"])).out).toBe("");
    const { code, out } = await run([...set, "--json"]);
    expect([code, JSON.parse(out)]).toEqual([0, { horizon: expect.any(Number) }]);
    await run(["retention", "set", "--prefix", "m:x:", "--keep-for", "forever"]);
    const lines = (await run(["retention", "list"])).out.trimEnd().split("\n");
    expect(lines).toEqual([
      expect.stringMatching(/^m:\t30d\tcut before /),
      expect.stringMatching(/^m:x:\tforever\tcut/),
    ]);
    expect(await run(["get", "m:k", "--at", "1970-01-01T00:00:01Z"])).toMatchObject({ code: 1, out: "" });
    expect((await run(["get", "m:k"])).out).toBe("v200");
    await run(["retention", "delete", "--prefix", "m:x:"]);
    const [policy] = (await run(["retention", "list", "--json"])).out.trimEnd().split("\n");
    expect(JSON.parse(policy!)).toMatchObject({ prefix: "m:", keepFor: "30d" });
  });

  test("delete-range deletes every key of a range, and tells beforehand how many", async () => {
    const run = await newStore(target);
    for (const key of ["a1", "a2", "b1"]) await run(["put", key, "v", "--ts", "100"]);
    expect((await run(["delete-range", "--prefix", "a", "--dry-run"])).out).toBe("2 keys would be deleted\n");
    expect((await run(["delete-range", "--all", "--ts", "99", "--dry-run", "--json"])).out).toBe('{"keys":0}\n');
    expect((await run(["scan", "--keys-only"])).out).toBe("a1\na2\nb1\n");
    const { code, out } = await run(["delete-range", "--prefix", "a", "--ts", "200", "--json"]);
    const time = "1970-01-01T00:00:00.000200Z";
    expect([code, JSON.parse(out)]).toEqual([0, { timestamp: 200, time, seq: expect.any(Number) }]);
    expect((await run(["scan", "--keys-only"])).out).toBe("b1\n");
    expect((await run(["delete-range", "--start", "b"])).code).toBe(0);
    expect((await run(["scan", "--keys-only"])).out).toBe("");
    expect((await run(["history", "a1"])).out).toContain("\tv\n");
  });

  test("a range is put back as it was, dry first", async () => {
    const run = await newStoreHere(target);
    await run(["put", "user:1", "ann", "--ts", "100"]);
    await run(["put", "user:1", "anna", "--ts", "200"]);
    await run(["put", "user:2", "bob", "--ts", "200"]);
    const restore = ["restore", "--prefix", "user:", "--to", "150"];
    const { code, out } = await run([...restore, "--dry-run"]);
    const lines = out.trimEnd().split("\n");
    expect([code, lines]).toEqual([
      0,
      [
        "~ user:1\t1970-01-01T00:00:00.000200Z\tanna\t→\t1970-01-01T00:00:00.000100Z\tann",
        "- user:2\t1970-01-01T00:00:00.000200Z\tbob",
        "1 restored, 1 deleted would be",
      ],
    ]);
    expect((await run(["get", "user:1"])).out).toBe("anna");
    const { out: done } = await run(restore);
    expect(done).toMatch(/^1 restored, 1 deleted, as of 1970-01-01T00:00:00.000150Z; to undo it, restore to \S+Z\n$/);
    expect((await run(["scan", "--json"])).out).toContain('"value":"ann"');
    expect((await run(["restore", "--prefix", "u", "--to", "now"])).out).toMatch(/^nothing has changed since \S+Z\n$/);
    const undone = await run(["restore", "--all", "--to", done.trimEnd().split(" ").at(-1)!, "--json"]);
    expect(JSON.parse(undone.out)).toMatchObject({ restored: 2, deleted: 0, seq: expect.any(Number) });
    expect((await run(["get", "user:2"])).out).toBe("bob");
  });

  test("erase takes a key or a range away for good, and counts first where asked", async () => {
    const run = await newStore(target);
    for (const ts of ["100", "200"]) await run(["put", "user:1", "ann", "--ts", ts]);
    await run(["put", "user:2", "bob", "--ts", "100"]);
    const { code, out } = await run(["erase", "--prefix", "user:", "--dry-run"]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^3 versions would be erased, and \d+ tables? of /)]);
    expect(await run(["erase", "user:1"])).toMatchObject({ code: 2 });
    expect((await run(["get", "user:1"])).out).toBe("ann");
    expect((await run(["erase", "user:1", "--yes"])).out).toMatch(
      /^2 versions erased, \d+ tables? of .* written anew\n$/,
    );
    expect((await run(["history", "user:1", "--json"])).out).toBe("");
    const all = await run(["erase", "--all", "--yes", "--json"]);
    expect(JSON.parse(all.out)).toMatchObject({ removed: 1, seq: expect.any(Number), checkpoints: [] });
    expect((await run(["scan"])).out).toBe("");
  });

  test("the same request id is the same write", async () => {
    const run = await newStoreHere(target);
    const put = (value: string) => run(["put", "k", value, "--request-id", "r", "--json"]);
    const first = await put("v");
    expect((await put("v")).out).toBe(first.out);
    expect(await put("w")).toMatchObject({ code: 2 });
    expect((await run(["history", "k", "--json"])).out.trim().split("\n")).toHaveLength(1);
  });

  test("diff lists what became of keys between two moments", async () => {
    const run = await newStoreHere(target);
    for (const [key, ts] of [
      ["a", "100"],
      ["b", "200"],
      ["c", "100"],
      ["c", "200"],
    ] as const) {
      await run(["put", key, `${key}${ts}`, "--ts", ts]);
    }
    await run(["delete", "a", "--ts", "200"]);
    expect(await run(["diff", "--from", "100", "--to", "200"])).toMatchObject({
      code: 0,
      err: "",
      out:
        "- a\t1970-01-01T00:00:00.000100Z\ta100\n+ b\t1970-01-01T00:00:00.000200Z\tb200\n" +
        "~ c\t1970-01-01T00:00:00.000100Z\tc100\t→\t1970-01-01T00:00:00.000200Z\tc200\n",
    });
    const { out } = await run(["diff", "--from", "100", "--to", "200", "--start", "b", "--limit", "1", "--json"]);
    expect(JSON.parse(out)).toEqual({
      key: "b",
      kind: "added",
      after: { key: "b", timestamp: 200, time: "1970-01-01T00:00:00.000200Z", seq: expect.any(Number), value: "b200" },
    });
    expect(await run(["diff", "--from", "200", "--to", "100"])).toMatchObject({ code: 2, out: "" });
  });

  test("history tells a key's numbers by steps of time, and draws them", async () => {
    const run = await newStoreHere(target);
    const hour = 3_600_000_000;
    const items = [1, 3, "text", 8].map((value, at) => ({ key: "k", value: `${value}`, timestamp: (at * hour) / 2 }));
    await run(["import", "-"], { input: items.map((item) => JSON.stringify(item)).join("\n") });
    const steps = ["history", "k", "--step", "1h"];
    expect(await run([...steps, "--aggregate", "mean"])).toMatchObject({
      code: 0,
      err: "",
      out: "1970-01-01T00:00:00.000000Z\t2\n1970-01-01T01:00:00.000000Z\t8\n",
    });
    expect((await run([...steps, "--limit", "1"])).out).toBe(
      "1970-01-01T00:00:00.000000Z\tcount 2\tfirst 1\tlast 3\tmin 1\tmax 3\tmean 2\n",
    );
    const json = (await run([...steps, "--json", "--from", String(hour)])).out;
    expect(JSON.parse(json)).toEqual({
      timestamp: hour,
      time: "1970-01-01T01:00:00.000000Z",
      ...{ count: 1, skipped: 1, first: 8, last: 8, min: 8, max: 8, mean: 8 },
    });
    expect(JSON.parse((await run([...steps, "--json", "--aggregate", "max", "--limit", "1"])).out)).toEqual({
      timestamp: 0,
      time: "1970-01-01T00:00:00.000000Z",
      max: 3,
    });
    const plot = await run(["history", "k", "--plot"]);
    expect(plot).toMatchObject({ code: 0, err: "" });
    expect(plot.out.split("\n")).toHaveLength(21);
    expect(plot.out).toMatch(/^8\.0 ┤[^\n]*\u2800?[\u2801-\u28ff]\n/);
    expect(plot.out).toMatch(/\n +1970-01-01T00:00Z +1970-01-01T01:30Z\n$/);
    expect((await run(["history", "k", "--plot"])).out).toBe(plot.out);
    expect(await run(["history", "other", "--plot"])).toMatchObject({ code: 3, out: "" });
    const both = await run(["history", "k", "--plot", "--json"]);
    expect(both).toMatchObject({ code: 2, out: "", err: expect.stringContaining("give one of them") });
  });

  test("binary keys and large values travel unharmed", async () => {
    const run = await newStoreHere(target);
    const value = randomBytes(1_500_000);
    expect(await run(["put", "ff00", "-", "--key-encoding", "hex"], { input: value })).toMatchObject({
      code: 0,
      err: "",
    });
    expect((await run(["get", "/wA=", "--key-encoding", "base64"])).bytes.equals(value)).toBe(true);
    const json = JSON.parse((await run(["scan", "--json"])).out);
    expect(json).toMatchObject({ keyBase64: "/wA=", valueBase64: value.toString("base64") });
  });

  test("flush and compact change no answer", async () => {
    const run = await newStoreHere(target);
    await run(["put", "k", "v1", "--ts", "1"]);
    expect(await run(["flush"])).toMatchObject({ code: 0, err: "" });
    await run(["put", "k", "v2", "--ts", "2"]);
    expect(JSON.parse((await run(["compact", "--json"])).out)).toMatchObject({ task: "compact" });
    expect((await run(["history", "k"])).out.match(/v\d/g)).toEqual(["v2", "v1"]);
  });
});

test("keys and values that look like something else are themselves", async () => {
  const run = await newStoreHere("grpc");
  const keys = ["007", "1e3", "0x10", "-1", "true", "..", "%ff", "žluť 日本", "-x", "--json", "-"];
  for (const ran of await Promise.all(keys.map((key) => run(["put", "--", key, `${key}=${key}`])))) {
    expect(ran).toMatchObject({ code: 0, err: "" });
  }
  for (const key of ["1e3", "--json"]) expect(await run(["get", "--", key])).toMatchObject({ out: `${key}=${key}` });
  expect(await run(["put", "empty", ""])).toMatchObject({ code: 0 });
  expect(await run(["get", "empty"])).toMatchObject({ code: 0, out: "", err: "" });
  const listed = (await run(["scan", "--json"])).out.trimEnd().split("\n");
  const expected = [...keys.map((key) => [key, `${key}=${key}`]), ["empty", ""]];
  expected.sort(([a = ""], [b = ""]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(listed.map((line) => JSON.parse(line)).map(({ key, value }) => [key, value])).toEqual(expected);
});

test("scan lists a range in either direction, as of a moment", async () => {
  const run = await newStoreHere("directory");
  const versions = ["a", "b/1", "b/2", "c"].map((key, at) => ({ key, value: key.toUpperCase(), timestamp: at + 1 }));
  const input = versions.map((version) => JSON.stringify(version)).join("\n");
  expect(await run(["import", "-"], { input })).toMatchObject({ code: 0, err: "" });
  const keys = async (...args: string[]): Promise<string> =>
    (await run(["scan", "--keys-only", ...args])).out.replaceAll("\n", " ");
  expect(await keys("--prefix", "b/")).toBe("b/1 b/2 ");
  expect(await keys("--start", "b/2")).toBe("b/2 c ");
  expect(await keys("--start", "b", "--end", "c")).toBe("b/1 b/2 ");
  expect(await keys("--reverse", "--limit", "2")).toBe("c b/2 ");
  expect(await keys("--at", "2", "--key-encoding", "hex")).toBe("61 622f31 ");
  expect(JSON.parse((await run(["scan", "--prefix", "c", "--json"])).out)).toEqual({
    key: "c",
    timestamp: 4,
    time: "1970-01-01T00:00:00.000004Z",
    seq: expect.any(Number),
    value: "C",
  });
});

test("a value can expire", async () => {
  const run = await newStoreHere("directory");
  expect(await run(["put", "long", "v", "--ttl", "1h"])).toMatchObject({ code: 0 });
  expect(await run(["put", "short", "v", "--ts", "-2h", "--ttl", "1h"])).toMatchObject({ code: 0 });
  expect(await run(["put", "until", "v", "--ts", "5", "--expires-at", "10"])).toMatchObject({ code: 0 });
  expect(await run(["get", "long"])).toMatchObject({ code: 0, out: "v" });
  expect(await run(["get", "short"])).toMatchObject({ code: 3 });
  expect(await run(["get", "until", "--at", "9"])).toMatchObject({ code: 0, out: "v" });
  expect(await run(["get", "until", "--at", "10"])).toMatchObject({ code: 3 });
  expect(JSON.parse((await run(["history", "until", "--json"])).out)).toMatchObject({ timestamp: 5, expiresAt: 10 });
  expect(await run(["put", "k", "v", "--ts", "5", "--expires-at", "5"])).toMatchObject({ code: 2, out: "" });
});

test("writes tell what they were committed as, and stats count them", async () => {
  const run = await newStoreHere("directory");
  const put = JSON.parse((await run(["put", "k", "v", "--json", "--ts", "2023-01-12T11:48:12Z"])).out);
  const time = "2023-01-12T11:48:12.000000Z";
  expect(put).toEqual({ key: "k", timestamp: 1_673_524_092_000_000, time, seq: expect.any(Number) });
  const deleted = JSON.parse((await run(["delete", "k", "--json"])).out);
  expect(deleted.seq).toBeGreaterThan(put.seq);
  expect(JSON.parse((await run(["stats", "--json"])).out).seq).toBeGreaterThanOrEqual(deleted.seq);
  const figures = (await run(["stats"])).out;
  expect(figures).toMatch(/^seq: \d+\nincarnation: /);
  expect(figures).toMatch(/\n {2}levels\n {4}level 0, tables \d+, fileBytes \d+/);
});

test("a number that looks like milliseconds is told of once, in one line", async () => {
  const run = await newStore("directory");
  const { code, err } = await run(["put", "k", "v", "--ts", "1700000000000"]);
  expect(err).toBe(
    "kvts: --ts 1700000000000 is taken as microseconds, 1970-01-20T16:13:20.000000Z; for milliseconds write 2023-11-14T22:13:20.000Z\n",
  );
  expect(code).toBe(0);
  const imported = await run(["import", "-"], { input: '{"key":"k","value":"v","timestamp":1700000000000}\n' });
  expect(imported.err).toMatch(/^kvts: the time 1700000000000 was taken as microseconds, [^\n]*\n$/);
});

test("a value comes from a file, too", async () => {
  const run = await newStore("directory");
  const file = join(scratch(), "value");
  writeFileSync(file, "from a file");
  expect(await run(["put", "k", "--file", file])).toMatchObject({ code: 0, err: "" });
  expect(await run(["get", "k"])).toMatchObject({ out: "from a file" });
  expect(await run(["put", "k", "--file", `${file}-not`])).toMatchObject({
    code: 1,
    err: expect.stringContaining("does not exist"),
  });
  expect(await run(["put", "k", "--file", scratch()])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/kvts-cmd-\w+ is a directory; name a file\n$/),
  });
});

test("a value beyond the limit is refused before it is read to its end", async () => {
  const run = await newStore("directory");
  const input = Buffer.alloc(64 * 1024 * 1024 + 1);
  expect(await run(["put", "k", "-"], { input })).toMatchObject({
    code: 1,
    err: expect.stringContaining("at most 64 MiB"),
  });
  expect(await run(["put", "k", "-"], { input: input.subarray(1) })).toMatchObject({ code: 0, err: "" });
  expect((await run(["get", "k"])).bytes.equals(input.subarray(1))).toBe(true);
});

test("what is read must exist: a directory is not made by reading", async () => {
  const directory = join(scratch(), "nothing");
  for (const args of [["get", "k"], ["scan"], ["history", "k"], ["stats"], ["export"]]) {
    const err = expect.stringContaining(`there is no store at ${directory}`);
    expect(await kvtsHere([...args, "--db-path", directory])).toMatchObject({ code: 1, out: "", err });
  }
});
