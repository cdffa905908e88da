import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { WatchersReport } from "./soak/watchers.ts";

const program = fileURLToPath(new URL("./soak/watchers.ts", import.meta.url));
const KiB = 1024;

// Ten thousand have to fit into 500 MB beside the server itself. Over HTTP a server takes 4096 connections.
test.each([
  ["grpc", 45 * KiB],
  ["http", 90 * KiB],
])("a watch over %s that waits takes a server less than %d bytes", { timeout: 60_000 }, async (face, bytesMax) => {
  const args = [program, "--watchers", "1000", "--face", face, "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { events, bytesBefore, bytesWatched } = JSON.parse(stdout) as WatchersReport;
  expect(events).toBe(1000);
  expect((bytesWatched - bytesBefore) / 1000).toBeLessThan(bytesMax);
});
