import type { ClientOptions, ServedStore } from "@kvts/client";
import { open } from "@kvts/db";
import { expect, test } from "vitest";
import type { OpenedStore } from "./contract.ts";
import { type ServerProcess, startServer, type TemporaryDirectory, temporaryDirectory } from "./server-process.ts";

/** Details that say nothing of doubt about a write. */
const determinate: unknown = expect.not.objectContaining({ indeterminate: true });

/** Makes a client of one face of a server. */
export type Connect = (server: ServerProcess, options?: ClientOptions) => ServedStore;

/** Room for the largest value and batch in every encoding; warnings show in the output of a failed start. */
const flags = ["--max-request-bytes", "100MiB", "--log-level", "warn"];

/** An empty store behind a server process of its own. */
export async function openServed(connect: Connect): Promise<OpenedStore> {
  const directory = await temporaryDirectory();
  return openedAt(await startServer({ dbPath: directory.path, flags }), directory, connect);
}

function openedAt(server: ServerProcess, directory: TemporaryDirectory, connect: Connect): OpenedStore {
  const store = connect(server);
  const stop = async (): Promise<void> => {
    await store.close();
    expect(await server.stop(), server.log()).toBe(0);
  };
  return {
    store,
    bytes: store.with({ keys: "bytes" }),
    async reopen() {
      await stop();
      return openedAt(await server.restart(), directory, connect);
    },
    async close() {
      await stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const timeout = 60_000;

/** What clients of a face see of a server that dies, returns, or is another. */
export function serverTests(connect: Connect, connectToOtherPort: Connect): void {
  test("what was acknowledged is there after kill -9 and a restart, for the same client", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using first = await startServer({ dbPath: directory.path, flags });
    await using store = connect(first);
    await store.put("k", "value1", { timestamp: 100 });
    await store.put("k", "value2", { timestamp: 101 });
    await store.put(Uint8Array.of(0, 255), "binary");
    expect(await first.stop("SIGKILL")).toBeNull();
    await expect(store.put("k", "value3")).rejects.toMatchObject({ code: "UNAVAILABLE" });

    await using _second = await first.restart();
    expect(await store.get("k", { asOf: 99 })).toBeUndefined();
    expect((await store.get("k", { asOf: 100 }))?.text()).toBe("value1");
    expect((await store.get("k", { asOf: 101 }))?.text()).toBe("value2");
    expect((await store.get("k", { asOf: "now" }))?.text()).toBe("value2");
    expect((await store.get("k"))?.text()).toBe("value2");
    expect(await store.with({ keys: "bytes" }).getMany([Uint8Array.of(0, 255)])).toMatchObject([{ value: {} }]);
    await store.put("k", "value3", { timestamp: 102 });
    expect((await store.get("k"))?.text()).toBe("value3");
  });

  test("what a snapshot sees is kept through a merge, and gone after a restart", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using first = await startServer({ dbPath: directory.path, flags });
    await using store = connect(first);
    await store.put("k", "old", { timestamp: 100 });
    await store.put("gone", "there", { timestamp: 100 });
    const snapshot = await store.snapshot();
    await store.put("k", "new", { timestamp: 100 });
    await store.retract("gone", 100);
    const merged = await fetch(`${first.httpUrl}/v1/admin/compact`, { method: "POST" });
    expect(merged.status).toBe(200);
    expect((await snapshot.get("k"))?.text()).toBe("old");
    expect((await snapshot.scan().toArray()).map((entry) => entry.text())).toEqual(["there", "old"]);
    expect((await store.stats()).snapshotLeases).toMatchObject({ count: 1 });
    expect(await first.stop()).toBe(0);
    await using _second = await first.restart();
    await expect(snapshot.get("k")).rejects.toMatchObject({ code: "SNAPSHOT_EXPIRED" });
    await expect(snapshot.history("k").toArray()).rejects.toMatchObject({ code: "SNAPSHOT_EXPIRED" });
    await snapshot.close();
    expect((await store.stats()).snapshotLeases).toMatchObject({ count: 0 });
  });

  test("a read waits for a server that is on its way", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using first = await startServer({ dbPath: directory.path, flags });
    await using store = connect(first, { retry: { triesMax: 1_000, delayMsMax: 100 } });
    await store.put("k", "v");
    expect(await first.stop()).toBe(0);
    const reading = store.get("k", { timeoutMs: timeout });
    await using _second = await first.restart();
    expect((await reading)?.text()).toBe("v");
  });

  test("a store is verified and copied while it is served", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    const checkpointPath = `${directory.path}/copies`;
    await using server = await startServer({
      dbPath: `${directory.path}/data`,
      flags: [...flags, "--checkpoint-path", checkpointPath],
    });
    await using store = connect(server);
    for (const timestamp of [100, 200]) await store.put("k", `at ${timestamp}`, { timestamp });
    expect((await fetch(`${server.httpUrl}/v1/admin/flush`, { method: "POST" })).status).toBe(200);
    const { seq } = await store.put("k", "at 300", { timestamp: 300 });
    const progress: number[] = [];
    const report = await store.verify({ bytesPerSecond: 1e9, onProgress: ({ bytesDone }) => progress.push(bytesDone) });
    expect(report).toMatchObject({
      sound: true,
      tables: 1,
      versions: 2,
      operations: 1,
      problems: [],
      problemsOmitted: 0,
    });
    expect(report.incarnation).toBe((await store.stats()).incarnation);
    expect(progress.every((bytes) => bytes <= report.bytesRead)).toBe(true);
    await expect(store.verify({ bytesPerSecond: 0 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });

    const made = await store.checkpoint("monday");
    expect(made).toMatchObject({ directory: `${checkpointPath}/monday`, seq, tables: 1, operations: 1 });
    await store.put("k", "later");
    await using copy = await open(made.directory, { createIfMissing: false });
    expect((await copy.history("k").toArray()).map(({ timestamp }) => timestamp)).toEqual([300, 200, 100]);
    await expect(store.checkpoint("monday")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(store.checkpoint("../tuesday")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await store.erase({ key: "k" })).checkpoints).toEqual(["monday"]);
    expect((await copy.get("k"))?.text()).toBe("at 300");
  });

  test("the other port is told from a server that is down", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer({ dbPath: directory.path, flags });
    await using store = connectToOtherPort(server);
    await expect(store.get("k")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("speaks another protocol"),
    });
    await expect(store.put("k", "v")).rejects.toMatchObject({ code: "UNAVAILABLE", details: determinate });
    await server.stop("SIGKILL");
    await expect(store.get("k")).rejects.toMatchObject({ message: expect.stringContaining("no server answers at") });
  });
}
