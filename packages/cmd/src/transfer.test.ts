import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCode, kvts, scratch, spawnKvts } from "./testing/kvts.ts";
import { newStore, newStoreHere, targets } from "./testing/targets.ts";

/** Lines of a file of others, one version each. */
function versions(count: number, value = "v"): string {
  return Array.from(
    { length: count },
    (_, at) => `${JSON.stringify({ key: `k${at % 100}`, timestamp: at + 1, value })}\n`,
  ).join("");
}

test.each(targets)("export, import and export again: %s", async (target) => {
  const [first, second] = [await newStore(target), await newStore("directory")];
  const folder = scratch();
  await first(["import", "-"], { input: versions(2_500) });
  await first(["put", "/w==", "--key-encoding", "base64", "-"], { input: Buffer.of(0, 0xff) });
  await first(["put", "expires", "v", "--ts", "5", "--expires-at", "10"]);
  await first(["delete", "k7"]);
  await first(["put", "large", "-"], { input: "x".repeat(2_000_000) });
  for (const name of target === "directory" ? ["all.ndjson", "all.csv"] : ["all.ndjson"]) {
    const [before, after] = [join(folder, name), join(folder, `again-${name}`)];
    expect(await first(["export", before])).toMatchObject({ code: 0, out: expect.stringContaining("2,504 versions") });
    expect(await second(["import", before])).toMatchObject({ code: 0, err: "" });
    expect(await second(["export", after])).toMatchObject({ code: 0, err: "" });
    const seqless = (file: string): string => readFileSync(file, "utf8").replace(/"seq":\d+|(?<=Z,)\d+/g, "");
    expect(seqless(after) === seqless(before)).toBe(true);
  }
});

test("bad lines are told with their numbers, the others are written", async () => {
  const run = await newStoreHere("directory");
  const input = '{"key":"a","value":"1"}\nnonsense\n{"key":"","value":"2"}\n{"key":"b","value":"3"}\n{"key":"c","val';
  const { code, err } = await run(["import", "-"], { input });
  expect(code).toBe(1);
  expect(err.split("\n")).toEqual([
    "line 2: is not JSON",
    "line 3: a key has at least one byte; this one is empty",
    "line 5: breaks off: the file was cut short here",
    expect.stringMatching(/^kvts: 3 lines could not be imported; 2 versions imported from stdin/),
    "",
  ]);
  expect((await run(["scan", "--keys-only"])).out).toBe("a\nb\n");
});

test("--strict stops at the first bad line", async () => {
  const run = await newStoreHere("directory");
  const result = await run(["import", "-", "--strict", "--json"], {
    input: '{"key":"a","value":"1"}\nx\n{"key":"b","value":"2"}\n',
  });
  expect(result.code).toBe(1);
  expect(
    result.err
      .split("\n")
      .slice(0, 2)
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { line: 2, error: { code: "INVALID_ARGUMENT", message: "is not JSON" } },
    { error: { code: "FAILED" } },
  ]);
  expect((await run(["scan", "--keys-only"])).out).toBe("a\n");
});

test("an export that was cut short is told", async () => {
  const run = await newStoreHere("directory");
  await run(["import", "-"], { input: versions(10) });
  const whole = (await run(["export"])).out;
  const cut = whole.slice(0, whole.lastIndexOf('{"end"'));
  expect(await run(["import", "-"], { input: cut })).toMatchObject({
    code: 1,
    err: expect.stringContaining("has no end line"),
  });
  expect(await run(["import", "-", "--partial"], { input: cut })).toMatchObject({ code: 0, err: "" });
  expect(await run(["import", "-"], { input: whole })).toMatchObject({ code: 0, err: "" });
});

test("a table of others, its dates in words", async () => {
  const run = await newStoreHere("directory");
  const input = 'symbol,date,price\r\nMSFT,Jan 1 2000,39.81\r\nMSFT,Feb 1 2000,36.35\r\n"A,B",Jan 1 2000,"1 ""x"""\r\n';
  const args = ["import", "-", "--format", "csv", "--key-template", "stock/{symbol}", "--value-column", "price"];
  expect(await run([...args, "--timestamp-column", "date"], { input })).toMatchObject({
    code: 1,
    err: expect.stringContaining('line 2: the timestamp "Jan 1 2000" is neither RFC 3339 nor integer microseconds'),
  });
  expect(
    await run([...args, "--timestamp-column", "date", "--timestamp-format", "MMM D YYYY"], { input }),
  ).toMatchObject({ code: 0, err: "" });
  expect(await run(["get", "stock/MSFT", "--at", "2000-01-31T00:00:00Z"])).toMatchObject({ out: "39.81" });
  expect(await run(["get", "stock/A,B"])).toMatchObject({ out: '1 "x"' });
  expect(await run(["import", "-", "--format", "csv"], { input })).toMatchObject({
    code: 2,
    err: expect.stringContaining("its columns are symbol, date, price"),
  });
});

test("what held at a moment, and one range of it", async () => {
  const run = await newStoreHere("directory");
  await run(["import", "-"], { input: versions(300) });
  const lines = (await run(["export", "--at", "150", "--prefix", "k1"])).out.split("\n").slice(0, -2);
  expect(lines.map((line) => JSON.parse(line).timestamp).sort((a, b) => a - b)).toEqual([
    102, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120,
  ]);
});

test("an export leaves nothing half done, and overwrites nothing unasked", async () => {
  const run = await newStoreHere("directory");
  await run(["import", "-"], { input: versions(5) });
  const folder = scratch();
  const file = join(folder, "out.ndjson");
  writeFileSync(file, "precious");
  expect(await run(["export", file])).toMatchObject({ code: 1, err: expect.stringContaining("exists already") });
  expect(readFileSync(file, "utf8")).toBe("precious");
  expect(await run(["export", file, "--overwrite", "--json"])).toMatchObject({
    code: 0,
    out: `{"versions":5,"file":"${file}"}\n`,
  });
  expect(await run(["export", join(folder, "no", "such", "folder")])).toMatchObject({
    code: 1,
    err: `kvts: the folder ${join(folder, "no", "such")} does not exist; make it first, or name another file\n`,
  });
  mkdirSync(join(folder, "directory"));
  expect(await run(["export", join(folder, "directory"), "--overwrite"])).toMatchObject({ code: 1 });
  expect(readdirSync(folder).sort()).toEqual(["directory", "out.ndjson"]);
});

test("a file that cannot be imported at all makes no store", async () => {
  const folder = scratch();
  const file = join(folder, "table.csv");
  writeFileSync(file, "a,b\n1,2\n");
  for (const [input, code] of [
    [file, 2],
    [folder, 1],
    [join(folder, "nothing"), 1],
  ] as const) {
    expect(await kvts(["import", input, "--db-path", join(folder, "data")])).toMatchObject({ code });
  }
  expect(readdirSync(folder)).toEqual(["table.csv"]);
});

test("a file that is not there, or is a directory", async () => {
  const run = await newStoreHere("directory");
  const folder = scratch();
  expect(await run(["import", join(folder, "nothing")])).toMatchObject({
    code: 1,
    err: expect.stringContaining("does not exist"),
  });
  expect(await run(["import", folder])).toMatchObject({
    code: 1,
    err: expect.stringContaining("is a directory; name a file"),
  });
});

test("Ctrl-C stops an import, tells how far it came, and what to do", async () => {
  const directory = join(scratch(), "data");
  const child = spawnKvts(["import", "-", "--db-path", directory]);
  let err = "";
  child.stderr.on("data", (text) => {
    err += text;
  });
  child.stdin.write(versions(5_000));
  // Standing still, with more to come.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  child.kill("SIGINT");
  expect(await exitCode(child)).toBe(1);
  expect(err).toMatch(/^kvts: stopped: 5,000 versions imported from stdin .*; go on with --from-line 5001\n$/);
});

test("a reader that has seen enough is no failure", async () => {
  const directory = join(scratch(), "data");
  const load = spawnKvts(["import", "-", "--db-path", directory]);
  load.stdin!.end(versions(20_000, "v".repeat(100)));
  expect(await exitCode(load)).toBe(0);
  const child = spawnKvts(["export", "--db-path", directory]);
  let err = "";
  child.stderr.on("data", (text) => {
    err += text;
  });
  await once(child.stdout, "data");
  child.stdout.destroy();
  expect(await exitCode(child)).toBe(0);
  expect(err).toBe("");
});
