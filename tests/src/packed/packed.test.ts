import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Installed, installPacked } from "./installed.ts";

// The oldest Node that `engines` promises, and the newest line.
const runtimes = { "node-oldest": "22.15.0", "node-newest": "26.9.0" };

const entries = [
  "@kvts/api",
  "@kvts/client",
  "@kvts/client/http",
  "@kvts/common",
  "@kvts/db",
  "@kvts/db/testing",
  "@kvts/server",
];

let installed: Installed;
beforeAll(async () => {
  installed = await installPacked(runtimes);
}, 300_000);
afterAll(() => installed?.remove());

describe.each(Object.entries(runtimes))("%s, %s", { timeout: 60_000 }, (runtime, version) => {
  test("is the runtime meant", async () => {
    expect(await installed.run(runtime, "--version")).toBe(`v${version}\n`);
  });

  test("every entry imports and exports something", async () => {
    const counts: Record<string, number> = JSON.parse(await installed.run(runtime, "list-exports.js", ...entries));
    expect(Object.keys(counts)).toEqual(entries);
    expect(Object.entries(counts).filter(([, names]) => names === 0)).toEqual([]);
  });

  test("a store opens, its worker flushes, and a restart reads it back", async () => {
    const answers = await installed.run(runtime, "use-store.js", join(installed.folder, `store-${runtime}`));
    expect(JSON.parse(answers)).toEqual([null, "old", "new"]);
  });

  test("the command line says its version", async () => {
    expect(await installed.run(runtime, "node_modules/@kvts/cmd/dist/main.js", "--version")).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    );
  });
});

test("the types resolve for a strict consumer", { timeout: 60_000 }, () => {
  const tsc = join(import.meta.dirname, "../../../node_modules/.bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2023", "--module", "nodenext"];
  const { status, stdout } = spawnSync(tsc, [...options, "consumer.ts"], { cwd: installed.folder, encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
});

test("nothing but what is needed is packed", async () => {
  for (const name of ["api", "client", "common", "db", "server", "cmd"]) {
    const files = await readdir(join(installed.folder, "node_modules/@kvts", name), { recursive: true });
    expect(files.filter((file) => /\.test\.|tsconfig|(^|\/)src\//.test(file))).toEqual([]);
    expect(files).toContain("LICENSE");
  }
});
