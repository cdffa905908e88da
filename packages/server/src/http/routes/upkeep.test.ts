import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckpointReport, VerifyReport } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";
import { overridden } from "../../testing/waiting-store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kvts-upkeep-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const headers = { "content-type": "application/json" };

function post({ fetch }: Served, path: string, body: unknown): Promise<Response> {
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function ended({ fetch }: Served, begun: Response): Promise<Record<string, unknown>> {
  expect(begun.status).toBe(202);
  const location = begun.headers.get("location")!;
  const look = async () => (await (await fetch(location)).json()) as Record<string, unknown>;
  await expect.poll(look).not.toMatchObject({ state: "running" });
  return await look();
}

const counts = { tables: 3, operations: 1, linkedBytes: 0, copiedBytes: 9, logBytes: 5, elapsedMs: 2 };

test("a checkpoint goes into the server's directory, by name", async () => {
  const asked: string[] = [];
  const store = overridden(createModelStore(), {
    async checkpoint(directory): Promise<CheckpointReport> {
      asked.push(directory);
      return { directory, incarnation: "ab", seq: 7, ...counts };
    },
  });
  const it = await served({ checkpointPath: folder }, store);
  const { kind, state, result } = await ended(it, await post(it, "/v1/admin/checkpoint", { name: "monday" }));
  const directory = join(folder, "monday");
  expect([kind, state, result]).toEqual([
    "checkpoint",
    "succeeded",
    { directory, incarnation: "ab", seq: 7, ...counts },
  ]);
  for (const name of ["..", "../a", "a/../../b", "a\\b", "/a", ".a", "", "a".repeat(101), "a\0b"]) {
    expect(await problemOf(await post(it, "/v1/admin/checkpoint", { name })), name).toMatchObject({ status: 400 });
  }
  expect((await post(it, "/v1/admin/checkpoint", {})).status).toBe(400);
  expect(asked).toEqual([directory]);
  expect(readdirSync(folder)).toEqual([]);
  const without = await served({}, store);
  const refused = await problemOf(await post(without, "/v1/admin/checkpoint", { name: "monday" }));
  expect(refused).toMatchObject({ status: 501, detail: expect.stringContaining("--checkpoint-path") });
});

test("a verification lists what is not sound, as far as it fits", async () => {
  const found: VerifyReport = {
    sound: false,
    tables: 1,
    versions: 2,
    operations: 0,
    files: [
      { file: "1.sst", state: "sound", bytes: 5, entries: 2 },
      { file: "2.sst", state: "damaged", bytes: 5, entries: 2 },
    ],
    problems: Array.from({ length: 1_200 }, (_, offset) => ({ file: "2.sst", offset, message: "it is damaged" })),
    problemsOmitted: 30,
    bytesRead: 10,
    elapsedMs: 1,
  };
  const rates: unknown[] = [];
  const store = overridden(createModelStore(), {
    async verify(options): Promise<VerifyReport> {
      rates.push(options?.bytesPerSecond);
      options?.onProgress?.({ bytesDone: 4, bytesTotal: 10, file: "2.sst" });
      return found;
    },
  });
  const it = await served({}, store);
  const { progress, result } = await ended(it, await post(it, "/v1/admin/verify", { bytesPerSecond: 500 }));
  expect(progress).toEqual({ phase: "2.sst", bytesDone: 4, bytesTotal: 10 });
  expect(result).toEqual({
    ...found,
    files: [found.files[1]],
    problems: found.problems.slice(0, 1_000),
    problemsOmitted: 230,
  });
  await ended(it, await it.fetch("/v1/admin/verify", { method: "POST" }));
  expect(rates).toEqual([500, undefined]);
  expect((await post(it, "/v1/admin/verify", { bytesPerSecond: 0 })).status).toBe(400);
});

test("closing ends a verification under way", async () => {
  let reason: unknown;
  const store = overridden(createModelStore(), {
    verify: (options) =>
      new Promise((_, reject) => {
        options?.signal?.addEventListener("abort", () => {
          reason = options.signal?.reason;
          reject(reason);
        });
      }),
  });
  const it = await served({}, store);
  expect((await it.fetch("/v1/admin/verify", { method: "POST" })).status).toBe(202);
  await it.server.close();
  expect(reason).toMatchObject({ code: "UNAVAILABLE" });
});

test("a store that keeps nothing on disk has nothing to verify or copy", async () => {
  const it = await served({ checkpointPath: folder });
  for (const [path, body] of [
    ["/v1/admin/verify", {}],
    ["/v1/admin/checkpoint", { name: "a" }],
  ] as const) {
    expect(await problemOf(await post(it, path, body))).toMatchObject({ status: 501, code: "UNIMPLEMENTED" });
  }
});
