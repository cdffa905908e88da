import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
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

function fileOf(directory: string, pattern: RegExp): string {
  return join(directory, readdirSync(directory).find((name) => pattern.test(name))!);
}

function damage(path: string, at: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(8, 0xee), 0, 8, at);
  closeSync(file);
}

test("a sound store is called sound, and stays as it is", async () => {
  const directory = await filledStore();
  writeFileSync(join(directory, "notes.txt"), "mine");
  const before = readdirSync(directory).sort();
  const { code, out, err } = await kvts(["verify", "--db-path", directory]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const [first, ...others] = out.trimEnd().split("\n");
  expect(first).toMatch(
    /^the store at .* is sound: 1 table with 3,000 versions, 0 operations in logs \(.* read in [\d.]+ s\)$/,
  );
  expect(others).toEqual(["  notes.txt  unknown: it is not one of kvts' own"]);
  expect(readdirSync(directory).sort()).toEqual(before);
});

test("all problems are told, and the exit code says so", async () => {
  const directory = await filledStore();
  const table = fileOf(directory, /\.sst$/);
  damage(table, 100);
  damage(table, 9_000);
  const { code, out, err } = await kvts(["verify", "--db-path", directory]);
  expect(code).toBe(1);
  expect(err).toBe(
    `kvts: ${directory} is not sound; restore it from a backup, or save what is whole with \`kvts repair\`\n`,
  );
  const [first, ...others] = out.trimEnd().split("\n");
  expect(first).toContain("has 2 problems");
  expect(others).toHaveLength(2);
  for (const line of others) expect(line).toMatch(new RegExp(`^  ${table} is damaged at byte \\d+: `));
});

test("under --json the report is an object, without a manifest too", async () => {
  const directory = await filledStore();
  const args = ["verify", "--db-path", directory, "--json", "--bytes-per-second", "500MiB"];
  const sound = await kvts(args);
  expect(sound).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(sound.out)).toMatchObject({ sound: true, tables: 1, versions: 3_000, problems: [] });
  rmSync(fileOf(directory, /^CURRENT$/));
  const { code, out, err } = await kvts(args);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ sound: false, versions: 3_000, problems: [{ file: "CURRENT", offset: 0 }] });
  expect(JSON.parse(err)).toMatchObject({ error: { message: expect.stringContaining("kvts repair") } });
});

test("what is not there, no store, or held by a server is refused", async () => {
  const folder = scratch();
  const missing = await kvts(["verify", "--db-path", join(folder, "no")]);
  expect(missing).toMatchObject({ code: 1, out: "", err: expect.stringContaining("no store") });
  expect(await kvts(["verify", "--db-path", folder])).toMatchObject({ code: 1, out: "" });
  expect(readdirSync(folder)).toEqual([]);
  const rate = await kvts(["verify", "--db-path", folder, "--bytes-per-second", "fast"]);
  expect(rate).toMatchObject({ code: 2, err: expect.stringContaining("--bytes-per-second") });
  const server = await startServer(["--db-path", join(folder, "data"), "--log-level", "warn"]);
  const held = await kvts(["verify", "--db-path", join(folder, "data")]);
  expect(held).toMatchObject({ code: 1, err: expect.stringContaining(String(server.pid)) });
  expect(await server.stop()).toBe(0);
});

test("a server reads its store while it serves it", async () => {
  const directory = await filledStore();
  const server = await startServer(["--db-path", directory, "--log-level", "warn"]);
  for (const url of [server.grpcUrl, server.httpUrl]) {
    const { code, out } = await kvts(["verify", "--url", url]);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^the store at http:.* is sound: 1 table with 3,000 versions/),
    ]);
  }
  damage(fileOf(directory, /\.sst$/), 9_000);
  const { code, out, err } = await kvts(["verify", "--url", server.httpUrl, "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ sound: false, problems: [{ file: expect.stringMatching(/\.sst$/) }] });
  expect(err).toContain("kvts repair");
  expect(await server.stop()).toBe(0);
});
