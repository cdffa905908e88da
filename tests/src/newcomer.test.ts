import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect } from "@kvts/client";
import { isKvtsError, type Store } from "@kvts/common";
import { afterEach, beforeEach, describe, expect, type TestContext, test } from "vitest";
import { kvts, type Ran } from "./program.ts";
import { type ServerProcess, startServer, type TemporaryDirectory, temporaryDirectory } from "./server-process.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

/*
 * What a new user comes upon, in the program and its servers as they are: every refusal is one sentence, and nothing that
 * was there before is lost.
 */

const timeout = 60_000;
const MIB = 2 ** 20;
const anyPorts = ["--port", "0", "--http-port", "0"];
const quiet = ["--log-level", "warn"];

let folder: TemporaryDirectory;
beforeEach(async () => {
  folder = await temporaryDirectory();
});
afterEach(() => folder[Symbol.asyncDispose]());

const run = (...args: string[]): Promise<Ran> => kvts(folder.path, args);

/** One sentence on stderr that says `what`, nothing on stdout, and the exit code. */
function expectRefusal({ code, out, err }: Ran, what: string | RegExp, exitCode: 1 | 2 = 1): void {
  expect(err).toMatch(/^kvts: [^\n]+\n$/);
  expect(err).not.toMatch(/ {4}at |node:|undefined|\[object/);
  expect(err).toMatch(what);
  expect({ code, out: out.toString() }).toEqual({ code: exitCode, out: "" });
}

function expectDone(ran: Ran): Ran {
  expect(ran.err).toBe("");
  expect(ran.code).toBe(0);
  return ran;
}

test("wrong flags are named, and nothing is begun", { timeout }, async () => {
  const mistakes: [string[], string][] = [
    [[], "a command is missing"],
    [["serve"], "there is no command serve"],
    [["server", "--prot", "1"], "unknown argument prot"],
    [["server", "--port", "http"], "--port must be a whole number"],
    [["server", "--port"], "--port needs a value"],
    [["server", "data"], "unknown argument data"],
    [["server", "--db-path", ""], "--db-path is empty"],
    [["server", "--durability", "maybe"], "--durability must be one of sync, buffered"],
    [["server", "--memtable-bytes", "1"], "--memtable-bytes must be from 256KiB"],
    [["server", "--max-request-bytes", "lots"], '"lots" cannot be read'],
    [["get"], "missing arguments"],
    [["get", "k", "--at", "yesterday"], '"yesterday" cannot be read'],
    [["put", "k"], "a value is given once"],
    [["put", "", "v"], "a key has at least one byte"],
    [["scan", "--url", "localhost:50051"], "cannot be used"],
    [["repair"], "missing argument db-path"],
  ];
  const refused = await Promise.all(mistakes.map(([args]) => run(...args)));
  for (const [at, [, sentence]] of mistakes.entries()) expectRefusal(refused[at]!, sentence, 2);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("where no server answers, the sentence says how to start one", { timeout }, async () => {
  expectRefusal(await run("get", "k", "--url", "http://127.0.0.1:1"), "start a server with `kvts server`");
});

describe("a server that is already there", () => {
  test("keeps its ports, and the newcomer leaves no trace", { timeout }, async () => {
    await using server = await startServer({ dbPath: join(folder.path, "data"), flags: quiet });
    for (const [url, flag] of [
      [server.grpcUrl, "--port"],
      [server.httpUrl, "--http-port"],
    ] as const) {
      const { port } = new URL(url);
      const refused = await run("server", ...anyPorts, flag, port, "--db-path", "other");
      expectRefusal(refused, `port ${port} is taken by another program; stop it, or choose another with ${flag}`);
    }
    expect(readdirSync(folder.path)).toEqual(["data"]);
    await expectWorking(server);
  });

  test("and so does any other program", { timeout }, async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    expectRefusal(await run("server", ...anyPorts, "--port", String(port)), `port ${port} is taken`);
    other.close();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("keeps its directory, whoever wants it", { timeout }, async () => {
    await using server = await startServer({ dbPath: join(folder.path, "data"), flags: quiet });
    const commands = [["server", ...anyPorts], ["get", "k"], ["put", "k", "mine"], ["export"], ["stats"], ["repair"]];
    for (const command of commands) {
      expectRefusal(await run(...command, "--db-path", "data"), `process ${server.pid}`);
    }
    await expectWorking(server);
  });
});

async function expectWorking({ grpcUrl }: ServerProcess): Promise<void> {
  expectDone(await run("put", "k", "v", "--url", grpcUrl));
  expect(expectDone(await run("get", "k", "--url", grpcUrl)).out.toString()).toBe("v");
}

describe("a directory that is not a store", () => {
  const commands = [["server", ...anyPorts], ["put", "k", "v"], ["get", "k"], ["export"], ["compact"], ["repair"]];

  test("but somebody's files is left alone", { timeout }, async () => {
    mkdirSync(join(folder.path, "letters"));
    writeFileSync(join(folder.path, "letters/ann.txt"), "Dear Ann");
    for (const command of commands) {
      const refused = await run(...command, "--db-path", "letters");
      expectRefusal(refused, /letters is not a kvts store \(it holds "ann.txt"\); name /);
    }
    expect(readdirSync(join(folder.path, "letters"))).toEqual(["ann.txt"]);
    expect(readFileSync(join(folder.path, "letters/ann.txt"), "utf8")).toBe("Dear Ann");
  });

  test("but a file stays one", { timeout }, async () => {
    writeFileSync(join(folder.path, "file"), "text");
    for (const command of commands) {
      expectRefusal(
        await run(...command, "--db-path", "file"),
        /file is a file, or leads through one; name a directory/,
      );
    }
    expect(readFileSync(join(folder.path, "file"), "utf8")).toBe("text");
  });

  test("and is not there at all is not made by reading, nor in a folder that is missing", { timeout }, async () => {
    for (const command of [["get", "k"], ["export"], ["stats"], ["repair"]]) {
      expectRefusal(await run(...command, "--db-path", "none"), "there is no store at");
    }
    for (const command of [
      ["server", ...anyPorts],
      ["put", "k", "v"],
    ]) {
      expectRefusal(await run(...command, "--db-path", "no/data"), "does not exist; make it first");
    }
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("any more, for its CURRENT is gone, is to be repaired", { timeout }, async () => {
    expectDone(await run("put", "k", "v", "--db-path", "data"));
    writeFileSync(join(folder.path, "data/CURRENT"), "");
    for (const command of [
      ["server", ...anyPorts],
      ["get", "k"],
    ]) {
      expectRefusal(await run(...command, "--db-path", "data"), /CURRENT is damaged at byte 0: .*"kvts repair"/);
    }
    expectDone(await run("repair", "--db-path", "data"));
    expect(expectDone(await run("get", "k", "--db-path", "data")).out.toString()).toBe("v");
  });
});

describe("keys and values of all kinds", () => {
  const words = [
    "žluťoučký kůň",
    "日本語",
    "👩‍👩‍👧‍👦",
    "\u202eright to left",
    "e\u0301",
    "é",
    "ﬀ",
    "\u{10ffff}",
    "a\tb\nc",
  ];
  const odd = [".", "..", "%", "%ff", "a/b", "?", "#", "-x", "--json", "007", "1e3", "true", " ", "\\", '"'];

  test("come back as they went in, also from the next server", { timeout: 2 * timeout }, async () => {
    const flags = [...quiet, "--max-request-bytes", "100MiB"];
    const first = await startServer({ dbPath: join(folder.path, "data"), flags });
    const large = randomBytes(64 * MIB);
    const binary = [...Array(256).keys()].map((byte) => Uint8Array.of(byte, 255 - byte, 0));
    const longest = randomBytes(65_535);
    try {
      const all = [...words, ...odd];
      const puts = all.map((word) => run("put", "--url", first.grpcUrl, "--", word, `value of ${word}`));
      for (const ran of await Promise.all(puts)) expectDone(ran);
      expectDone(await run("put", "--url", first.httpUrl, "empty", ""));
      writeFileSync(join(folder.path, "large"), large);
      expectDone(await run("put", "--url", first.grpcUrl, "large", "--file", "large"));
      expectDone(await run("put", "--url", first.httpUrl, "--key-encoding", "hex", "ff00fe", "binary"));
      await using store = connect(first.grpcUrl);
      await store.write([...binary, longest].map((key) => ({ op: "put", key, value: key })));
    } finally {
      await first.stop("SIGKILL");
    }
    await using second = await first.restart();
    for (const word of [words[0]!, words[2]!, odd[0]!, odd[1]!, odd[7]!]) {
      const found = expectDone(await run("get", "--url", second.httpUrl, "--", word));
      expect(found.out.toString()).toBe(`value of ${word}`);
    }
    expect(expectDone(await run("get", "--url", second.grpcUrl, "empty")).out).toHaveLength(0);
    expect(expectDone(await run("get", "--url", second.grpcUrl, "large")).out.equals(large)).toBe(true);
    expect(expectDone(await run("get", "--url", second.grpcUrl, "--key-encoding", "hex", "ff00fe")).out).toHaveLength(
      6,
    );
    await using store = connect(second.grpcUrl);
    for (const word of [...words, ...odd]) expect((await store.get(word))?.text()).toBe(`value of ${word}`);
    const bytes = store.with({ keys: "bytes" });
    for (const [at, entry] of (await bytes.getMany([...binary, longest])).entries()) {
      expect(Buffer.compare(entry!.value, [...binary, longest][at]!)).toBe(0);
    }
    expect(await second.stop()).toBe(0);
  });

  test("beyond the limits are refused, and what was there stays", { timeout: 2 * timeout }, async () => {
    writeFileSync(join(folder.path, "nine"), randomBytes(9 * MIB));
    writeFileSync(join(folder.path, "more"), Buffer.alloc(64 * MIB + 1));
    await using server = await startServer({ dbPath: join(folder.path, "data"), flags: quiet });
    expectDone(await run("put", "k", "before", "--url", server.grpcUrl));
    for (const url of [server.grpcUrl, server.httpUrl]) {
      expectRefusal(await run("put", "k", "--file", "nine", "--url", url), /8(?:\.0)? MiB|--max-request-bytes/);
      expectRefusal(await run("put", "k", "--file", "more", "--url", url), "at most 64 MiB");
      expect(expectDone(await run("get", "k", "--url", url)).out.toString()).toBe("before");
    }
    const longKey = "k".repeat(65_536);
    expectRefusal(await run("put", longKey, "v", "--url", server.grpcUrl), /65,?535/);
    expect(await server.stop()).toBe(0);
    expectRefusal(await run("put", "k", "--file", "more", "--db-path", "data"), "at most 64 MiB");
    expect(expectDone(await run("get", "k", "--db-path", "data")).out.toString()).toBe("before");
  });
});

test("a truncated import says so, keeps what it had, and can be done again", { timeout }, async () => {
  const lines = Array.from({ length: 2_500 }, (_, at) =>
    JSON.stringify({ key: `k${at}`, timestamp: at + 1, value: `väl ${at}` }),
  );
  writeFileSync(join(folder.path, "lines.ndjson"), `${lines.join("\n")}\n`);
  expectDone(await run("import", "lines.ndjson", "--db-path", "source"));
  expectDone(await run("export", "whole.ndjson", "--db-path", "source"));
  const whole = readFileSync(join(folder.path, "whole.ndjson"));
  writeFileSync(join(folder.path, "torn.ndjson"), whole.subarray(0, whole.length >> 1));
  const lastNewline = whole.lastIndexOf("\n", (whole.length >> 1) - 1);
  writeFileSync(join(folder.path, "endless.ndjson"), whole.subarray(0, lastNewline + 1));
  const wholeLines = whole.subarray(0, lastNewline).toString().split("\n").length;

  await using server = await startServer({ dbPath: join(folder.path, "data"), flags: quiet });
  const url = ["--url", server.grpcUrl];
  expectDone(await run("put", "mine", "stays", ...url));
  const torn = await run("import", "torn.ndjson", ...url);
  expect(torn).toMatchObject({ code: 1 });
  expect(torn.err).toContain(`line ${wholeLines + 1}: breaks off: the file was cut short here`);
  expect(torn.err).toMatch(/kvts: 1 line could not be imported; [\d,]+ versions imported/);
  const endless = await run("import", "endless.ndjson", ...url);
  expect(endless).toMatchObject({ code: 1 });
  expect(endless.err).toContain("the file has no end line, so its export was cut short");
  expect(expectDone(await run("get", "mine", ...url)).out.toString()).toBe("stays");
  expect(expectDone(await run("get", "k0", ...url)).out.toString()).toBe("väl 0");

  expect((await run("import", "whole.ndjson", ...url)).code).toBe(0);
  expect((await run("export", "again.ndjson", ...url)).code).toBe(0);
  const seqless = (text: string) =>
    text
      .replace(/"seq":\d+/g, "")
      .split("\n")
      .filter((line) => !/"mine"|"end"/.test(line));
  const again = readFileSync(join(folder.path, "again.ndjson"), "utf8");
  expect(seqless(again)).toEqual(seqless(whole.toString()));
});

/** A disk that a test may fill. Without one the test is skipped, which counts as a failure in CI. */
function smallDisk(context: TestContext, bytes: number): SmallDisk {
  const disk = mountSmallDisk(bytes);
  if (disk === undefined) context.skip("NOT TESTED: only root can mount the small disk that this needs");
  return disk!;
}

const noRoom = /the disk (?:is full|has no room)[^;]*; make /;

describe("a disk that takes nothing", () => {
  test("because it is read-only: nothing can be made there, and what is there stays", { timeout }, async (context) => {
    using place = freezable(context);
    const data = join(place.path, "data");
    expectDone(await run("put", "k", "v", "--db-path", data));
    const before = readdirSync(data);
    place.freeze();
    const fresh = join(place.path, "fresh");
    for (const args of [
      ["server", ...anyPorts, "--db-path", fresh],
      ["put", "k", "v", "--db-path", fresh],
      ["server", ...anyPorts, "--db-path", data],
      ["put", "k", "w", "--db-path", data],
      ["get", "k", "--db-path", data],
    ]) {
      expectRefusal(await run(...args), /is on a read-only file system|may not be accessed by this user/);
    }
    expect(readdirSync(data)).toEqual(before);
    expect(existsSync(fresh)).toBe(false);
  });

  test("because it is full from the start: no half store is left", { timeout }, async (context) => {
    using disk = smallDisk(context, 2 * MIB);
    disk.fill(0);
    const data = join(disk.path, "data");
    expectRefusal(await run("put", "k", "v", "--db-path", data), noRoom);
    expectRefusal(await run("server", ...anyPorts, "--db-path", data), noRoom);
    disk.makeRoom();
    expectDone(await run("put", "k", "v", "--db-path", data));
    expect(expectDone(await run("get", "k", "--db-path", data)).out.toString()).toBe("v");
  });

  test("because it has become full: reads go on, and so do writes once there is room", { timeout }, async (context) => {
    using disk = smallDisk(context, 24 * MIB);
    disk.fill(12 * MIB);
    writeFileSync(join(folder.path, "value"), randomBytes(50_000));
    const dbPath = join(disk.path, "data");
    const flags = ["--memtable-bytes", "256KiB", "--log-level", "silent"];
    const values = new Map<string, Uint8Array>();
    const server = await startServer({ dbPath, flags });
    try {
      await using store = connect(server.grpcUrl);
      const full = { code: "NO_SPACE", message: expect.stringMatching(/^the disk is full; make room[^\n]+$/) };
      expect(await fillUp(store, values)).toMatchObject(full);
      expect(values.size).toBeGreaterThan(50);
      for (const url of [server.grpcUrl, server.httpUrl]) {
        expectRefusal(await putOnFullDisk(disk, url), "the disk is full; make room");
      }
      await expectAll(store, values);
      disk.makeRoom();
      await putPatiently(store, values);
      await expectAll(store, values);
      disk.fill(0);
      expect(await fillUp(store, values)).toMatchObject(full);
    } finally {
      await server.stop("SIGKILL");
    }
    const full = await server.restart();
    try {
      await using store = connect(full.grpcUrl);
      await expectAll(store, values);
      expectRefusal(await putOnFullDisk(disk, full.httpUrl), "the disk is full; make room");
      await expectAll(store, values);
    } finally {
      await full.stop("SIGKILL");
    }
    disk.makeRoom();
    await using again = await server.restart();
    await using store = connect(again.grpcUrl);
    await expectAll(store, values);
    await store.put("after", "all");
    expect(await again.stop(), again.log()).toBe(0);
  });
});

/** A place that can be made read-only: for root a disk of its own, since permissions do not hold root back. */
function freezable(context: TestContext): { readonly path: string; freeze(): void } & Disposable {
  if (process.getuid?.() === 0) {
    const disk = smallDisk(context, 8 * MIB);
    return { path: disk.path, freeze: disk.makeReadOnly, [Symbol.dispose]: () => disk[Symbol.dispose]() };
  }
  const { path } = folder;
  const places = () => [path, ...readdirSync(path, { recursive: true }).map((name) => join(path, String(name)))];
  return {
    path,
    freeze: () => places().map((place) => chmodSync(place, statSync(place).mode & ~0o222)),
    [Symbol.dispose]: () => places().map((place) => chmodSync(place, statSync(place).mode | 0o200)),
  };
}

/** Fills the disk up and writes; again, where a merge that has given up has made a little room. */
async function putOnFullDisk(disk: SmallDisk, url: string): Promise<Ran> {
  for (;;) {
    disk.fill(0);
    const ran = await run("put", "typed", "--file", "value", "--url", url);
    if (ran.code !== 0) return ran;
  }
}

/** Writes until that fails; what was acknowledged goes into `values`. Returns the failure. */
async function fillUp(store: Store, values: Map<string, Uint8Array>): Promise<unknown> {
  for (;;) {
    const key = `key-${values.size}`;
    const value = randomBytes(50_000);
    try {
      await store.put(key, value);
    } catch (error) {
      return error;
    }
    values.set(key, value);
  }
}

/** Writes as somebody does who was told that the store takes writes again by itself. */
async function putPatiently(store: Store, values: Map<string, Uint8Array>): Promise<void> {
  const value = randomBytes(50_000);
  for (let tries = 0; tries < 100; tries++) {
    try {
      await store.put("patience", value);
      values.set("patience", value);
      return;
    } catch (error) {
      if (!isKvtsError(error, "NO_SPACE")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error("the store took no write again");
}

async function expectAll(store: Store, values: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [key, value] of values) {
    const entry = await store.get(key);
    if (entry === undefined || Buffer.compare(entry.value, value) !== 0) throw new Error(`${key} is lost`);
  }
}
