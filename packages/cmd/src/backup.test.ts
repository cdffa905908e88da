import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kvts, scratch, startServer } from "./testing/kvts.ts";

async function filledStore(): Promise<string> {
  const directory = join(scratch(), "data");
  const lines = Array.from({ length: 2_000 }, (_, at) =>
    JSON.stringify({ key: `k${at % 500}`, timestamp: at, value: `v${at} ${"x".repeat(300)}` }),
  );
  expect(await kvts(["import", "-", "--db-path", directory], { input: lines.join("\n") })).toMatchObject({ code: 0 });
  return directory;
}

test("a server sends its store, which becomes another one to go on with", async () => {
  const directory = await filledStore();
  const folder = scratch();
  const server = await startServer(["--db-path", directory, "--log-level", "warn"]);
  await kvts(["put", "last", "there", "--url", server.grpcUrl]);
  const whole = (await kvts(["export", "--url", server.grpcUrl])).out;
  for (const url of [server.grpcUrl, server.httpUrl]) {
    const target = join(folder, "backups", url === server.grpcUrl ? "grpc" : "http");
    const { code, out, err } = await kvts(["backup", target, "--url", url]);
    expect([code, out, err]).toEqual([0, expect.stringMatching(/^backup of seq 2001 in .*: \d+ files, .*\n$/), ""]);
    expect(readdirSync(target)).not.toContain("INCOMPLETE");
    expect((await kvts(["verify", "--db-path", target])).code).toBe(0);
    expect((await kvts(["export", "--db-path", target])).out).toBe(whole);
  }
  expect(readdirSync(`${directory}-checkpoints`)).toEqual([]);
  expect(await server.stop()).toBe(0);

  const restored = join(folder, "restored");
  const made = await kvts(["restore-backup", join(folder, "backups", "grpc"), "--db-path", restored, "--json"]);
  expect(JSON.parse(made.out)).toMatchObject({ seq: 2001, directory: restored });
  await kvts(["put", "more", "here", "--db-path", restored]);
  expect((await kvts(["export", "--db-path", join(folder, "backups", "grpc")])).out).toBe(whole);
  const own = join(folder, "own");
  expect((await kvts(["backup", own, "--db-path", restored])).out).toContain(`checkpoint of seq 2002 in ${own}: `);
});

test("what a killed server left of a backup goes with the next start", async () => {
  const directory = await filledStore();
  const left = join(`${directory}-checkpoints`, ".backup-00000000-0000-0000-0000-000000000000");
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, "000001.sst"), "secret");
  mkdirSync(join(`${directory}-checkpoints`, "monday"));
  const server = await startServer(["--db-path", directory, "--log-level", "warn"]);
  expect(readdirSync(`${directory}-checkpoints`)).toEqual(["monday"]);
  expect(await server.stop()).toBe(0);
});

test("what cannot be is one sentence, and leaves everything as it is", async () => {
  const directory = await filledStore();
  const folder = scratch();
  const server = await startServer(["--db-path", directory, "--log-level", "warn"]);
  writeFileSync(join(folder, "photo.jpg"), "");
  const full = await kvts(["backup", folder, "--url", server.httpUrl]);
  expect(full).toMatchObject({
    code: 1,
    err: expect.stringContaining('holds "photo.jpg"; name a directory that is empty'),
  });
  expect(readdirSync(folder)).toEqual(["photo.jpg"]);
  const beneath = await kvts(["backup", join(folder, "photo.jpg", "x"), "--url", server.httpUrl]);
  expect(beneath).toMatchObject({ code: 1, err: expect.stringContaining("cannot be written (ENOTDIR)") });
  expect(await server.stop()).toBe(0);
  const gone = join(folder, "gone");
  expect(await kvts(["backup", gone, "--url", server.httpUrl])).toMatchObject({ code: 1 });
  expect(existsSync(gone) ? readdirSync(gone) : []).toEqual([]);
  const none = await kvts(["restore-backup", join(folder, "no"), "--db-path", join(folder, "new")]);
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining("there is no store at") });
});
