import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const startMsMax = 30_000;
const stopMsMax = 20_000;

/** A server program in a process of its own. */
export class ChildServer {
  readonly #child: ChildProcess;
  readonly #name: string;
  #said = "";

  /** @param advice how to get the program where it is missing */
  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#said = (this.#said + chunk.toString()).slice(-4000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  }

  /**
   * Resolves once it answers at `port`.
   * @param advice says how to get the program where it is missing
   */
  static async start(command: readonly [string, ...string[]], port: number, advice: string): Promise<ChildServer> {
    const [name, ...args] = command;
    const child = spawn(name, args, { stdio: ["ignore", "pipe", "pipe"] });
    const server = new ChildServer(name, child);
    const failed = new Promise<never>((_, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "ENOENT" ? new Error(`${name} is not here; ${advice}`) : error),
      );
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}: ${server.#said.trim()}`)));
    });
    failed.catch(() => {});
    try {
      await Promise.race([server.#answers(port), failed]);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    return server;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopMsMax);
    await ended;
    clearTimeout(timer);
  }

  async #answers(port: number): Promise<void> {
    for (const deadline = performance.now() + startMsMax; ; await sleep(50)) {
      if (await isOpen(port)) return;
      if (performance.now() > deadline) throw new Error(`${this.#name} does not answer: ${this.#said.trim()}`);
    }
  }
}

async function isOpen(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A port of loopback that nobody uses at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
