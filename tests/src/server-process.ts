import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { running } from "./spawned-server.ts";

export { type ServerProcess, type ServerProcessOptions, startServer } from "./spawned-server.ts";

afterAll(() => {
  const left = [...running];
  for (const child of left) child.kill("SIGKILL");
  expect(
    left.map(({ pid }) => pid),
    "servers that no test has stopped",
  ).toEqual([]);
});

/** A directory that is removed with all that is in it. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "kvts-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
