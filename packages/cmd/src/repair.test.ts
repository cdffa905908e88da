import { closeSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kvts, scratch, startServer } from "./testing/kvts.ts";

/** A directory with 3,000 versions in tables. */
async function filledStore(): Promise<string> {
  const directory = join(scratch(), "data");
  const lines = Array.from({ length: 3_000 }, (_, at) =>
    JSON.stringify({ key: `k${at % 300}`, timestamp: at, value: `v${at}` }),
  );
  expect(await kvts(["import", "-", "--db-path", directory], { input: lines.join("\n") })).toMatchObject({ code: 0 });
  expect(await kvts(["flush", "--db-path", directory])).toMatchObject({ code: 0 });
  return directory;
}

function filesOf(directory: string, pattern: RegExp): string[] {
  return readdirSync(directory)
    .filter((name) => pattern.test(name))
    .map((name) => join(directory, name));
}

test("a sound store stays as it is", async () => {
  const directory = await filledStore();
  const before = readdirSync(directory).sort();
  expect(await kvts(["repair", "--db-path", directory])).toEqual(
    expect.objectContaining({ code: 0, out: `the store at ${directory} is sound\n`, err: "" }),
  );
  expect(readdirSync(directory).sort()).toEqual(before);
});

test("without its manifest nothing is lost", async () => {
  const directory = await filledStore();
  const before = (await kvts(["export", "--db-path", directory])).out;
  for (const file of filesOf(directory, /^MANIFEST/)) rmSync(file);
  const refused = await kvts(["get", "k1", "--db-path", directory]);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("kvts repair") });
  const repaired = await kvts(["repair", "--db-path", directory]);
  expect(repaired).toMatchObject({ code: 0, err: "", out: expect.stringContaining("1 table with 3,000 versions") });
  const seqless = (text: string): string => text.replace(/"seq":\d+/g, "");
  expect(seqless((await kvts(["export", "--db-path", directory])).out)).toBe(seqless(before));
});

test("of a damaged table the rest is saved, and the loss is told", async () => {
  const directory = await filledStore();
  const [table = ""] = filesOf(directory, /\.sst$/);
  const file = openSync(table, "r+");
  writeSync(file, Buffer.alloc(64), 0, 64, 2_000);
  closeSync(file);
  const { code, out, err } = await kvts(["repair", "--db-path", directory, "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(err)).toMatchObject({
    error: { message: expect.stringContaining("not everything could be saved") },
  });
  const report = JSON.parse(out);
  expect(report).toMatchObject({ sound: false, lost: true });
  expect(report.versions).toBeGreaterThan(0);
  expect(report.versions).toBeLessThan(3_000);
  const exported = (await kvts(["export", "--db-path", directory])).out.trimEnd().split("\n");
  expect(exported.at(-1)).toBe(`{"end":{"versions":${report.versions}}}`);
});

test("what is not there, no store, or held by a server is refused", async () => {
  const folder = scratch();
  expect(await kvts(["repair", "--db-path", join(folder, "no")])).toMatchObject({
    code: 1,
    err: expect.stringContaining("no store"),
  });
  expect(await kvts(["repair", "--db-path", folder])).toMatchObject({ code: 1 });
  expect(await kvts(["repair"])).toMatchObject({ code: 2, err: expect.stringContaining("db-path") });
  const server = await startServer(["--db-path", join(folder, "data"), "--log-level", "warn"]);
  expect(await kvts(["repair", "--db-path", join(folder, "data")])).toMatchObject({
    code: 1,
    err: expect.stringContaining(String(server.pid)),
  });
  expect(await server.stop()).toBe(0);
});
