import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** How a server is started. */
export interface ServerProcessOptions {
  /** The directory of its store. */
  readonly dbPath: string;
  /** Ports to bind; any free ones unless given. */
  readonly port?: number;
  readonly httpPort?: number;
  /** Further flags of `kvts server`. */
  readonly flags?: readonly string[];
}

/** A server in a process of its own. Disposing of it kills it. */
export interface ServerProcess extends AsyncDisposable {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly dbPath: string;
  readonly pid: number;
  /** Everything that it wrote to stdout and stderr so far. */
  log(): string;
  /** Sends a signal (SIGTERM unless given) and waits for the end; the exit code, or `null` when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Starts another one, on the same directory and ports; this one must have ended. */
  restart(): Promise<ServerProcess>;
}

const readyTimeoutMs = 30_000;
const stopTimeoutMs = 30_000;

const main = join(dirname(fileURLToPath(import.meta.resolve("@kvts/cmd/package.json"))), "dist/main.js");

/**
 * Ends the server when its standard input does, which happens when this process is gone, however it went. Given to Node
 * on the server's side, so that the server itself needs no such thing. Node gives it to worker threads as well, which
 * have no standard input of their own.
 */
export const leash = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from "node:worker_threads";
  if (isMainThread) process.stdin.on("close", () => process.kill(process.pid, "SIGKILL")).resume().unref();
`)}`;

/** Servers that have not ended. */
export const running: Set<ChildProcess> = new Set();

/**
 * Starts `kvts server`, and waits until it can be used.
 * @throws with its output, where it ends or stays silent instead
 */
export async function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  const { dbPath, port = 0, httpPort = 0, flags = [] } = options;
  const ports = ["--port", String(port), "--http-port", String(httpPort)];
  const command = [main, "server", "--json", "--db-path", dbPath, ...ports, ...flags];
  const child = spawn(process.execPath, ["--import", leash, ...command], { env: environment() });
  running.add(child);
  const ended = once(child, "close").finally(() => running.delete(child));
  const output = collect(child);
  try {
    const announced = await readAnnouncement(child, ended);
    return serverProcess(child, ended, output, announced, options);
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    throw new Error(`the server did not start: ${String(error)}\n${output.text}`);
  }
}

/** The environment of a user who has set nothing of kvts. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:KVTS_|INIT_CWD$)/.test(name)));
}

function collect(child: ChildProcess): { readonly text: string } {
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output.text += text;
    });
  }
  return output;
}

/** The line that `kvts server --json` begins with, as far as it is used here. */
interface Announcement {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

async function readAnnouncement(child: ChildProcess, ended: Promise<unknown>): Promise<Announcement> {
  const lines = createInterface({ input: child.stdout! });
  try {
    const signal = AbortSignal.timeout(readyTimeoutMs);
    const line = once(lines, "line", { signal }).then(([text]) => JSON.parse(text as string) as Announcement);
    const early = ended.then(() => Promise.reject(new Error("it ended")));
    return await Promise.race([line, early]);
  } finally {
    lines.close();
    // Reading lines has paused the stream; what comes after goes on being collected.
    child.stdout!.resume();
  }
}

function serverProcess(
  child: ChildProcess,
  ended: Promise<unknown>,
  output: { readonly text: string },
  { grpcUrl, httpUrl }: Announcement,
  options: ServerProcessOptions,
): ServerProcess {
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const stubborn = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(stubborn);
    return child.exitCode;
  };
  return {
    grpcUrl,
    httpUrl,
    dbPath: options.dbPath,
    pid: child.pid!,
    log: () => output.text,
    stop,
    restart: () => startServer({ ...options, port: portOf(grpcUrl), httpPort: portOf(httpUrl) }),
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
