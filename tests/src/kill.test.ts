import { connect, connectHttp } from "@kvts/client";
import type { Store } from "@kvts/common";
import { open } from "@kvts/db";
import { expect, test } from "vitest";
import { Load, readEverything } from "./kill-load.ts";
import { type ServerProcess, startServer, temporaryDirectory } from "./server-process.ts";

const KILLS = 20;
const WRITERS_PER_FACE = 40;
/** A server lives so long under load before it is killed, at random in between. */
const LIFE_MS_MIN = 200;
const LIFE_MS_MAX = 1_000;
const timeout = 240_000;

/** So little memory that tables are flushed and merged all the time. */
const flags = ["--memtable-bytes", "256KiB", "--log-level", "warn"];

test(`a server that is killed ${KILLS} times under load has every write that it acknowledged, once`, {
  timeout,
}, async () => {
  await using directory = await temporaryDirectory();
  const load = new Load();
  const work = { flushes: 0, compactions: 0 };
  let server = await startServer({ dbPath: directory.path, flags });
  try {
    await writeSequence(server);
    for (let kill = 1; kill <= KILLS; kill++) {
      const { flushes, compactions } = await killUnderLoad(server, load);
      work.flushes += flushes;
      work.compactions += compactions;
      server = await server.restart();
      await using store = kill % 2 === 0 ? connect(server.grpcUrl) : connectHttp(server.httpUrl);
      expect(await load.sendAgain(store), `sent again after kill ${kill}`).toEqual([]);
      expect(load.check(await withoutSequence(store)).slice(0, 10), `after kill ${kill}`).toEqual([]);
      await expectSequence(server);
    }
    expect(await server.stop(), server.log()).toBe(0);
  } finally {
    await server.stop("SIGKILL");
  }
  await using db = await open(directory.path, { createIfMissing: false });
  expect(db.recovery).toMatchObject({ clean: true, setAside: [] });
  expect(load.check(await withoutSequence(db))).toEqual([]);
  await expectValues(db);
  // It was worth its name: there was plenty to lose, and tables were written and merged meanwhile.
  expect(load.written).toBeGreaterThan(KILLS * 100);
  expect(load.attempts.filter(({ state }) => state === "not written").length).toBeGreaterThan(0);
  expect(work.flushes).toBeGreaterThan(KILLS / 2);
  expect(work.compactions).toBeGreaterThan(0);
});

/** Writes from all sides, and kills the server in the middle of it. Returns what it had done by then behind the scenes. */
async function killUnderLoad(server: ServerProcess, load: Load): Promise<{ flushes: number; compactions: number }> {
  await using grpc = connect(server.grpcUrl);
  await using http = connectHttp(server.httpUrl);
  const killed = new AbortController();
  const writers = [grpc, http].flatMap((store) =>
    Array.from({ length: WRITERS_PER_FACE }, () => load.write(store, killed.signal)),
  );
  const writing = Promise.all(writers);
  const life = LIFE_MS_MIN + Math.random() * (LIFE_MS_MAX - LIFE_MS_MIN);
  await Promise.race([writing, new Promise((resolve) => setTimeout(resolve, life))]);
  const { background } = await grpc.stats();
  killed.abort();
  expect(await server.stop("SIGKILL"), server.log()).toBeNull();
  await writing;
  return background as { flushes: number; compactions: number };
}

const KEY = "the sequence";

async function writeSequence(server: ServerProcess): Promise<void> {
  await using store = connect(server.grpcUrl);
  await store.put(KEY, "value1", { timestamp: 100 });
  await store.put(KEY, "value2", { timestamp: 101 });
}

/** On both faces, as clients and as whoever types a URL sees them. */
async function expectSequence({ grpcUrl, httpUrl }: ServerProcess): Promise<void> {
  await using grpc = connect(grpcUrl);
  await using http = connectHttp(httpUrl);
  await expectValues(grpc);
  await expectValues(http);
  const typed = async (at: string) => {
    const response = await fetch(`${httpUrl}/v1/keys/${encodeURIComponent(KEY)}${at}`);
    return response.status === 200 ? await response.text() : response.status;
  };
  expect(await Promise.all(["?at=99", "?at=100", "?at=101", ""].map(typed))).toEqual([
    404,
    "value1",
    "value2",
    "value2",
  ]);
}

async function expectValues(store: Store): Promise<void> {
  const at = async (asOf: number | undefined) => (await store.get(KEY, { asOf }))?.text();
  expect(await Promise.all([99, 100, 101, 102, undefined].map(at))).toEqual([
    undefined,
    "value1",
    "value2",
    "value2",
    "value2",
  ]);
}

async function withoutSequence(store: Store) {
  return (await readEverything(store)).filter(({ key }) => key !== KEY);
}
