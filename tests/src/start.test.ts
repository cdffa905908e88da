import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./server-process.ts";

const script = fileURLToPath(new URL("../../scripts/start.sh", import.meta.url));

/** A package to start, and tools that only note how they are called; the one that is named fails. */
async function start(settings: {
  readonly installed: boolean;
  readonly failing?: string;
}): Promise<{ readonly calls: string[]; readonly stdout: string; readonly stderr: string; readonly status: number }> {
  await using directory = await temporaryDirectory();
  const folder = join(directory.path, "package");
  const tools = join(directory.path, "bin");
  const calls = join(directory.path, "calls");
  await mkdir(settings.installed ? join(folder, "node_modules") : folder, { recursive: true });
  await mkdir(tools);
  for (const name of ["pnpm", "turbo", "node"]) {
    const status = name === settings.failing ? 1 : 0;
    const says = name === "node" ? "the program" : `noise of ${name}`;
    await writeFile(join(tools, name), `#!/bin/sh\necho "${name} $*" >>'${calls}'\necho "${says}"\nexit ${status}\n`);
    await chmod(join(tools, name), 0o755);
  }
  const env = { ...process.env, PATH: `${tools}:${process.env.PATH}`, TMPDIR: directory.path };
  const args = [script, "@kvts/some", "main.js", "one", "two words"];
  const { stdout, stderr, status } = spawnSync("sh", args, { cwd: folder, env, encoding: "utf8" });
  return { calls: (await readFile(calls, "utf8")).trimEnd().split("\n"), stdout, stderr, status: status ?? -1 };
}

const build = "turbo run build --filter=@kvts/some... --output-logs=errors-only";
const program = "node main.js one two words";

test("an installed package is built and started, in silence", async () => {
  expect(await start({ installed: true })).toEqual({
    calls: [build, program],
    stdout: "the program\n",
    stderr: "",
    status: 0,
  });
});

test("what was never installed is installed first", async () => {
  const { calls, stdout } = await start({ installed: false });
  expect(calls).toEqual(["pnpm install --frozen-lockfile", build, program]);
  expect(stdout).toBe("the program\n");
});

test.each([
  ["pnpm", 1],
  ["turbo", 2],
])("when %s fails, its output is shown and nothing starts", async (failing, steps) => {
  const { calls, stdout, stderr, status } = await start({ installed: false, failing });
  expect(calls).toHaveLength(steps);
  expect(stdout).toBe("");
  expect(stderr).toContain(`noise of ${failing}`);
  expect(status).toBe(1);
});
