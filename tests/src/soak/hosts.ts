import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect, connectHttp } from "@kvts/client";
import { leash, startServer } from "../spawned-server.ts";
import { type Checked, checkRecent } from "./check.ts";
import type { EmbeddedEvent, EmbeddedTask } from "./embedded.ts";
import type { Ledger, WriterState } from "./ledger.ts";
import { loadAndCheck } from "./load.ts";

/** So little that tables are flushed and merged all the time. */
const MEMTABLE_BYTES = 1024 * 1024;

/** A process with the store open, under load from the moment that it has been checked. */
export interface Host {
  readonly kind: string;
  readonly pid: number;
  /** What the check at the start has shown. */
  readonly found: number;
  readonly absent: number;
  readonly problems: readonly string[];
  /** Rejects where the load, or the process, fails. */
  readonly failed: Promise<never>;
  /** Ends it: in order, or with SIGKILL. What was in flight stays so in the ledger. */
  end(how: "stop" | "kill"): Promise<void>;
}

/** A program with the store embedded; the load runs in it. */
export async function startEmbedded(directory: string, ledger: Ledger): Promise<Host> {
  const task: EmbeddedTask = { directory, memtableBytes: MEMTABLE_BYTES, ledger };
  const program = fileURLToPath(new URL("./embedded.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", leash, program, JSON.stringify(task)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const events = new EmbeddedEvents(child, ledger);
  const { problems, found, absent } = await events.checked;
  return {
    kind: "a program with the store embedded",
    pid: child.pid!,
    problems,
    found,
    absent,
    failed: events.failed,
    async end(how) {
      events.isEnding = true;
      if (how === "kill") child.kill("SIGKILL");
      else child.stdin.write("stop\n");
      await events.ended;
      if (how === "stop" && !events.isClosed) throw new Error("the program did not close its store");
    },
  };
}

/** Follows what an embedded program tells. */
class EmbeddedEvents {
  readonly checked: Promise<Checked>;
  readonly failed: Promise<never>;
  /** Resolves when it is gone, and all that it told is in the ledger. */
  readonly ended: Promise<unknown>;
  isEnding = false;
  isClosed = false;

  constructor(child: ChildProcess, ledger: Ledger) {
    const lines = createInterface({ input: child.stdout! });
    let fail: (error: Error) => void = () => {};
    this.failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    this.failed.catch(() => {});
    let arrive: ((event: Checked) => void) | undefined;
    const arrived = new Promise<Checked>((resolve) => {
      arrive = resolve;
    });
    this.checked = Promise.race([arrived, this.failed]);
    lines.on("line", (line) => {
      const event = parse(line);
      if (event?.event === "checked") {
        for (const [writer, state] of event.ledger.states.entries()) Object.assign(ledger.states[writer]!, state);
        // The first one is the host's; what a later one shows is the end of it.
        if (arrive === undefined && event.problems.length > 0) fail(new Error(event.problems.join("\n")));
        arrive?.(event);
        arrive = undefined;
      } else if (event?.event === "began") ledger.states[event.writer]!.inFlight = true;
      else if (event?.event === "acknowledged") acknowledge(ledger.states[event.writer]!);
      else if (event?.event === "failed") fail(new Error(event.message));
      else if (event?.event === "closed") this.isClosed = true;
    });
    this.ended = Promise.all([once(child, "close"), once(lines, "close")]);
    void this.ended.then(() => {
      if (!this.isEnding) fail(new Error("the program with the store embedded ended"));
    });
  }
}

/** A kill may cut the last line short. */
function parse(line: string): EmbeddedEvent | undefined {
  try {
    return JSON.parse(line) as EmbeddedEvent;
  } catch {
    return undefined;
  }
}

function acknowledge(state: WriterState): void {
  state.written++;
  state.inFlight = false;
}

/** A server; the load comes from here, over gRPC or HTTP. */
export async function startServed(directory: string, ledger: Ledger, face: "gRPC" | "HTTP"): Promise<Host> {
  const flags = ["--memtable-bytes", String(MEMTABLE_BYTES), "--log-level", "warn"];
  const server = await startServer({ dbPath: directory, flags });
  const store = face === "gRPC" ? connect(server.grpcUrl) : connectHttp(server.httpUrl);
  const stop = new AbortController();
  const { problems, found, absent } = await checkRecent(store, ledger);
  const host = {
    store,
    signal: stop.signal,
    began: (writer: number) => {
      ledger.states[writer]!.inFlight = true;
    },
    acknowledged: (writer: number) => acknowledge(ledger.states[writer]!),
  };
  const load = loadAndCheck(host, ledger, (checked) => {
    if (checked.problems.length > 0) throw new Error(checked.problems.join("\n"));
  });
  const failed = load.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  return {
    kind: "a server",
    pid: server.pid,
    problems,
    found,
    absent,
    failed,
    async end(how) {
      stop.abort();
      const code = await server.stop(how === "kill" ? "SIGKILL" : "SIGTERM");
      await load;
      await store.close();
      if (how === "stop" && code !== 0) throw new Error(`the server ended with ${code}\n${server.log()}`);
    },
  };
}
