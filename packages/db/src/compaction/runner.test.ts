import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

const PROGRAM = `
  const { open } = await import(process.env.ENGINE);
  const db = await open(process.env.DIRECTORY);
  await db.put("key", "value");
  await db.flush();
  console.log((await db.stats()).background.flushes);
  await db.close();
`;

test.each([
  ["as text", ["--input-type=module", "-e", PROGRAM]],
  ["as text, with the type apart", ["--input-type", "module", "-e", PROGRAM]],
  ["as text of a type that Node finds out", ["-e", PROGRAM]],
  ["with arguments that are for the whole process", ["--max-old-space-size=512", "-e", PROGRAM]],
])("the worker starts in a program that Node was given %s", async (_, args) => {
  const directory = await mkdtemp(join(tmpdir(), "kvts-runner-"));
  const env = { ...process.env, DIRECTORY: join(directory, "db"), ENGINE: new URL("../open.ts", import.meta.url).href };
  try {
    const { stdout } = await run(process.execPath, args, { env, timeout: 30_000 });
    expect(stdout).toBe("1\n");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
