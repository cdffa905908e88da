import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const main = join(dirname(fileURLToPath(import.meta.resolve("@kvts/cmd/package.json"))), "dist/main.js");

/** What a run of `kvts` left. */
export interface Ran {
  readonly code: number | null;
  readonly out: Buffer;
  readonly err: string;
}

/** Runs the real `kvts` to its end in a folder, as a user does who has set nothing. */
export async function kvts(folder: string, args: readonly string[], input: string | Uint8Array = ""): Promise<Ran> {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { PATH }, stdio: "pipe" });
  const ended = once(child, "close");
  // A program that fails early does not read what it is given.
  child.stdin.on("error", () => {}).end(input);
  const [out, err] = await Promise.all([buffer(child.stdout), text(child.stderr), ended]);
  return { code: child.exitCode, out, err };
}
