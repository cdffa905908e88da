import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kvts, scratch, startServer } from "./testing/kvts.ts";

async function filledStore(): Promise<string> {
  const directory = join(scratch(), "data");
  const lines = Array.from({ length: 300 }, (_, at) =>
    JSON.stringify({ key: `k${at}`, timestamp: at, value: `v${at}` }),
  );
  expect(await kvts(["import", "-", "--db-path", directory], { input: lines.join("\n") })).toMatchObject({ code: 0 });
  return directory;
}

test("makes a store with the same versions, which goes its own way", async () => {
  const directory = await filledStore();
  const target = join(scratch(), "backups", "today");
  const made = await kvts(["checkpoint", target, "--db-path", directory]);
  expect(made).toMatchObject({ code: 0, err: "" });
  expect(made.out).toBe(`checkpoint of seq 300 in ${target}: 1 table shared, 0 operations from logs\n`);
  const before = (await kvts(["export", "--db-path", directory])).out;
  await kvts(["put", "new", "here", "--db-path", directory]);
  expect((await kvts(["export", "--db-path", target])).out).toBe(before);

  const json = await kvts(["checkpoint", join(target, "..", "later"), "--db-path", directory, "--json"]);
  expect(JSON.parse(json.out)).toMatchObject({ seq: 301, copiedBytes: 0, incarnation: expect.any(String) });
});

test("what cannot be is one sentence, and leaves everything as it is", async () => {
  const directory = await filledStore();
  const target = join(scratch(), "full");
  mkdirSync(target);
  writeFileSync(join(target, "photo.jpg"), "");
  expect(await kvts(["checkpoint", target, "--db-path", directory])).toMatchObject({
    code: 1,
    err: expect.stringContaining(`${target} holds "photo.jpg"; name a directory that is empty`),
  });
  expect(readdirSync(target)).toEqual(["photo.jpg"]);
  expect(await kvts(["checkpoint", target, "--db-path", join(directory, "no")])).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no store at"),
  });
  expect(await kvts(["checkpoint", "--db-path", directory])).toMatchObject({ code: 2 });
  const server = await startServer(["--db-path", directory, "--log-level", "warn"]);
  expect(await kvts(["checkpoint", join(target, "x"), "--db-path", directory])).toMatchObject({
    code: 1,
    err: expect.stringContaining(String(server.pid)),
  });
  expect(await server.stop()).toBe(0);
});

test("a server makes them by name, beside its store, and nowhere else", async () => {
  const directory = await filledStore();
  const server = await startServer(["--db-path", directory, "--log-level", "warn"]);
  for (const [name, url] of [
    ["monday", server.grpcUrl],
    ["tuesday.1", server.httpUrl],
  ] as const) {
    const made = await kvts(["checkpoint", name, "--url", url]);
    const target = join(`${directory}-checkpoints`, name);
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining(`checkpoint of seq 300 in ${target}: `) });
    expect((await kvts(["get", "k7", "--db-path", target])).out).toBe("v7");
  }
  for (const name of ["../elsewhere", "/tmp/elsewhere", "..", ".hidden", "a/b", "a\\b", ""]) {
    expect(await kvts(["checkpoint", name, "--url", server.httpUrl])).toMatchObject({
      code: 2,
      err: expect.stringContaining("the name of a checkpoint is"),
    });
  }
  expect((await kvts(["checkpoint", "monday", "--url", server.grpcUrl])).err).toContain(
    "name a directory that is empty",
  );
  expect(readdirSync(`${directory}-checkpoints`).sort()).toEqual(["monday", "tuesday.1"]);
  const erased = await kvts(["erase", "k7", "--yes", "--url", server.httpUrl]);
  expect(erased.out).toMatch(
    /^1 version erased, .*\n {2}the checkpoint monday may still hold it\n {2}the checkpoint tuesday\.1 may/,
  );
  expect(await server.stop()).toBe(0);
});

test("a server makes them where it is told to", async () => {
  const directory = await filledStore();
  const path = join(scratch(), "elsewhere", "copies");
  const server = await startServer(["--db-path", directory, "--checkpoint-path", path, "--log-level", "warn"]);
  expect(await kvts(["checkpoint", "x", "--url", server.httpUrl])).toMatchObject({ code: 0 });
  expect(readdirSync(path)).toEqual(["x"]);
  expect(await server.stop()).toBe(0);
});
