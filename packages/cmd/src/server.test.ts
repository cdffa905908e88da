import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { exitCode, kvts, scratch, spawnKvts, startServer } from "./testing/kvts.ts";

test("serves until SIGTERM, and finds everything again", async () => {
  const dbPath = join(scratch(), "data");
  const first = await startServer(["--db-path", dbPath]);
  expect(first).toMatchObject({ dbPath, pid: first.child.pid, recovery: { created: true } });
  expect((await kvts(["put", "k", "v", "--url", first.grpcUrl])).code).toBe(0);
  expect(await first.stop("SIGTERM")).toBe(0);
  const second = await startServer(["--db-path", dbPath]);
  expect(second.recovery).toMatchObject({ created: false, clean: true });
  expect((await kvts(["get", "k", "--url", second.httpUrl])).out).toBe("v");
  expect(await second.stop("SIGINT")).toBe(0);
});

test("finds every acknowledged write after SIGKILL", async () => {
  const dbPath = join(scratch(), "data");
  const first = await startServer(["--db-path", dbPath]);
  expect((await kvts(["put", "k", "v", "--url", first.grpcUrl])).code).toBe(0);
  await first.stop("SIGKILL");
  const second = await startServer(["--db-path", dbPath]);
  expect(second.recovery).toMatchObject({ created: false, clean: false, operations: 1 });
  expect((await kvts(["get", "k", "--url", second.grpcUrl])).out).toBe("v");
  expect(await second.stop()).toBe(0);
});

test("without --json it tells people where it is", async () => {
  const dbPath = join(scratch(), "data");
  const child = spawnKvts(["server", "--port", "0", "--http-port", "0", "--db-path", dbPath, "--log-level", "silent"]);
  const [text] = await once(child.stdout, "data");
  child.kill();
  expect(await exitCode(child)).toBe(0);
  expect(String(text).split("\n")).toEqual([
    `kvts serves ${dbPath}`,
    expect.stringMatching(/^ {2}gRPC {6}http:\/\/127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^ {2}HTTP {6}http:\/\/127\.0\.0\.1:\d+$/),
    "  recovery  a new store",
    "Ctrl-C stops it.",
    "",
  ]);
});

test("logs are JSON lines on stderr where that is no terminal", async () => {
  const server = await startServer(["--db-path", join(scratch(), "data")]);
  expect(await server.stop()).toBe(0);
  const lines = (await server.err).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(expect.arrayContaining(["serving", "stopping", "closed"]));
});

test("limits hold as they were set", async () => {
  const flags = ["--max-connections", "1", "--headers-timeout", "100ms", "--max-buffered-bytes", "8MiB"];
  const server = await startServer(["--db-path", join(scratch(), "data"), ...flags]);
  const port = Number(new URL(server.httpUrl).port);
  const slow = connect(port, "127.0.0.1");
  slow.write("GET /v1/status HTTP/1.1\r\n");
  const answer = text(slow);
  await once(slow, "connect");
  const second = connect(port, "127.0.0.1");
  second.on("error", () => undefined);
  await once(second, "close");
  expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(await server.stop()).toBe(0);
});

describe("settings", () => {
  test("flags win over variables, variables over the config file, and that over defaults", async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, "kvts.json"), JSON.stringify({ dbPath: "from-file", host: "127.0.0.2", logLevel: "warn" }));
    const server = await startServer(["--config", "kvts.json", "--db-path", "from-flag"], {
      cwd,
      env: { KVTS_DB_PATH: "from-variable", KVTS_HOST: "127.0.0.3" },
    });
    expect(server.dbPath).toBe(join(cwd, "from-flag"));
    expect(server.grpcUrl).toMatch(/^http:\/\/127\.0\.0\.3:/);
    await server.stop();
    expect(await server.err).toBe("");
  });

  test("relative paths are against the directory that the user typed in", async () => {
    const [cwd, typedIn] = [scratch(), scratch()];
    const env = { INIT_CWD: typedIn, npm_package_name: "@kvts/cmd", npm_lifecycle_event: "start" };
    const server = await startServer([], { cwd, env });
    expect(server.dbPath).toBe(join(typedIn, "data"));
    await server.stop();
  });

  test.each([
    ['{"prot":1}', 'has the unknown setting "prot"'],
    ["{", "is not JSON"],
    ["[]", "must hold a JSON object"],
    ['{"port":"x"}', '"port" in kvts.json must be a whole number'],
    ['{"port":{}}', '"port" in kvts.json must be'],
  ])("a config file with %s is refused", async (text, sentence) => {
    const cwd = scratch();
    writeFileSync(join(cwd, "kvts.json"), text);
    const { code, err } = await kvts(["server", "--config", "kvts.json"], { cwd });
    expect(err).toContain(sentence);
    expect(code).toBe(2);
    expect(readdirSync(cwd)).toEqual(["kvts.json"]);
  });
});

describe("a server that cannot start says why, and changes nothing", () => {
  const free = ["server", "--port", "0", "--http-port", "0"];

  test.each(["--port", "--http-port"])("%s is taken", async (flag) => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const cwd = scratch();
    const { code, err } = await kvts([...free, flag, String(port)], { cwd });
    expect(err).toBe(`kvts: port ${port} is taken by another program; stop it, or choose another with ${flag}\n`);
    expect(code).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("the directory is held", async () => {
    const dbPath = join(scratch(), "data");
    const server = await startServer(["--db-path", dbPath]);
    for (const args of [
      [...free, "--db-path", dbPath],
      ["get", "k", "--db-path", dbPath],
    ]) {
      const { code, err } = await kvts(args);
      expect(err).toMatch(/^kvts: [^\n]+\n$/);
      expect(err).toContain(String(server.pid));
      expect(code).toBe(1);
    }
    expect(await server.stop()).toBe(0);
  });

  test("the parent directory is missing", async () => {
    const folder = scratch();
    const { code, err } = await kvts([...free, "--db-path", join(folder, "no", "data")]);
    expect(err).toBe(`kvts: the directory ${join(folder, "no")} does not exist; make it first, or check --db-path\n`);
    expect(code).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("the directory holds something else", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "letter.txt"), "Dear Ann");
    const { code, err } = await kvts([...free, "--db-path", folder]);
    expect(err).toMatch(/^kvts: [^\n]+\n$/);
    expect(code).toBe(1);
    expect(readdirSync(folder)).toEqual(["letter.txt"]);
  });

  test("the directory is a file", async () => {
    const file = join(scratch(), "file");
    writeFileSync(file, "x");
    const { code, err } = await kvts([...free, "--db-path", file]);
    expect(err).toMatch(/^kvts: [^\n]+\n$/);
    expect(code).toBe(1);
  });

  // A superuser may write everywhere.
  const testAsUser = process.getuid?.() === 0 ? () => {} : test;
  testAsUser("the directory may not be written", async () => {
    const folder = scratch();
    chmodSync(folder, 0o555);
    const { code, err } = await kvts([...free, "--db-path", join(folder, "data")]);
    expect(err).toMatch(/^kvts: [^\n]+\n$/);
    expect(code).toBe(1);
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test.each([[[]], [["--port", "0", "--http-port", "0"]]])("the host is not one of this machine: %j", async (ports) => {
    const cwd = scratch();
    const { code, err } = await kvts(["server", "--host", "192.0.2.1", ...ports], { cwd });
    expect(err).toContain("choose another with --host");
    expect(code).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });
});
