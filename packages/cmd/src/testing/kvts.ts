import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer, text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** What a run of the program left. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * Starts the real program, without any setting that happens to be in the environment. It does not outlive the test.
 */
export function spawnKvts(args: readonly string[], { env = {}, cwd }: RunOptions = {}): ChildProcessWithoutNullStreams {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { PATH, ...env }, stdio: "pipe" });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

/** Runs the real program to its end. */
export async function kvts(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawnKvts(args, options);
  // A program that fails early does not read what it is given.
  child.stdin.on("error", () => {}).end(options.input ?? "");
  const [bytes, err, code] = await Promise.all([buffer(child.stdout), text(child.stderr), exitCode(child)]);
  return { code, bytes, out: bytes.toString(), err };
}

export function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("close", resolve));
}

/** A directory that is gone after the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "kvts-cmd-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A server that runs. */
export interface RunningServer {
  readonly child: ChildProcess;
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly dbPath: string;
  readonly pid: number;
  readonly recovery: Readonly<Record<string, unknown>>;
  /** What it says on stderr until it ends. */
  readonly err: Promise<string>;
  /** Sends a signal and waits for the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `kvts server` on free ports. */
export async function startServer(args: readonly string[], options: RunOptions = {}): Promise<RunningServer> {
  const child = spawnKvts(["server", "--json", "--port", "0", "--http-port", "0", ...args], options);
  const err = text(child.stderr);
  for await (const line of createInterface(child.stdout)) {
    const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
      child.kill(signal);
      return exitCode(child);
    };
    return { child, err, stop, ...(JSON.parse(line) as Omit<RunningServer, "child" | "err" | "stop">) };
  }
  throw new Error(`the server did not start: ${await err}`);
}
