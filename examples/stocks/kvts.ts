import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { dataFolder } from "./data.ts";

/** The command line, as `npx kvts` would start it. */
const binary = fileURLToPath(
  new URL("dist/main.js", `file://${createRequire(import.meta.url).resolve("@kvts/cmd/package.json")}`),
);

const notFoundCode = 3;

/**
 * Runs `kvts` with arguments in the folder of the data, and `input` as its stdin. Returns what it prints; `undefined`
 * where it finds nothing.
 * @throws Error with what it says when it fails
 */
export async function kvts(args: readonly string[], input: Iterable<string> = []): Promise<string | undefined> {
  const child = spawn(process.execPath, [binary, ...args], { cwd: dataFolder });
  Readable.from(input).pipe(child.stdin);
  const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)]);
  if (code === notFoundCode) return undefined;
  if (code !== 0) throw new Error(complaint);
  return output.trimEnd();
}

/** A server in a process of its own. */
export interface ServerProcess {
  readonly grpcUrl: string;
  stop(): Promise<void>;
}

/** Starts `kvts server` on free ports, and waits until it serves. */
export async function startServer(directory: string): Promise<ServerProcess> {
  const args = ["server", "--json", "--port", "0", "--http-port", "0", "--db-path", directory, "--log-level", "warn"];
  const child = spawn(process.execPath, [binary, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(child.stdout!)) {
    const { grpcUrl } = JSON.parse(line) as { readonly grpcUrl: string };
    const stop = async (): Promise<void> => {
      child.kill("SIGTERM");
      const code = await exitCode(child);
      if (code !== 0) throw new Error(`the server ended with exit code ${code}`);
    };
    return { grpcUrl, stop };
  }
  throw new Error("the server did not start");
}

function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
}
