import type { Logger } from "@kvts/common";
import type { Db } from "@kvts/db";
import { print } from "../output/sink.ts";
import { type DirectoryOptions, openDirectory } from "../target/open-directory.ts";
import { announcementText } from "./announcement.ts";
import { checkPorts } from "./check-ports.ts";
import { prettyLog } from "./pretty-log.ts";
import type { ServerSettings } from "./settings.ts";
import { nextStopSignal } from "./stop-signal.ts";

/** How long requests in flight may take to finish once the server is told to stop. */
const drainTimeoutMs = 10_000;
/** By when everything is over, the last sync included; otherwise the process gives up. */
const stopTimeoutMs = 30_000;

/** Serves a directory until a signal. @throws CommandError where it cannot begin */
export async function runServer(settings: ServerSettings, json: boolean): Promise<void> {
  await checkPorts(settings);
  const { createLogger, serve } = await import("@kvts/server");
  const logger = createLogger({ level: settings.logLevel, ...prettyOnTerminals() });
  const stopSignal = nextStopSignal();
  const { dbPath } = settings;
  // Served from the start, so that whoever looks after the process sees a long recovery as a server that is not ready.
  await using opening = openingOf(openDirectory(dbPath, "write", { ...engineOptions(settings), logger }));
  const { host, port, httpPort, maxRequestBytes, allowedHosts } = settings;
  await using server = await serve(opening.store, {
    host,
    port,
    httpPort,
    maxRequestBytes,
    allowedHosts,
    drainTimeoutMs,
    logger,
  });
  const { recovery } = await opening.store;
  await server.ready;
  await print(announcementText({ grpcUrl: server.grpcUrl, httpUrl: server.httpUrl, dbPath, recovery }, json));
  const signal = await stopSignal;
  logger.info({ signal }, "stopping");
  giveUpLater(logger);
  await server.close();
}

interface Opening extends AsyncDisposable {
  readonly store: Promise<Db>;
}

/** A store that is being opened, and is closed in the end where it came to be. */
function openingOf(store: Promise<Db>): Opening {
  // Whoever waits for it learns of its failure.
  const opened = store.catch(() => undefined);
  return { store, [Symbol.asyncDispose]: async () => await (await opened)?.close() };
}

function engineOptions(settings: ServerSettings): DirectoryOptions {
  const { durability, memory, memtableBytes, scrubBytesPerSecond, acceptClock } = settings;
  return {
    durability,
    memoryBytes: memory,
    ...(memtableBytes !== undefined && { memtableBytes }),
    scrubBytesPerSecond,
    acceptClock,
  };
}

function prettyOnTerminals(): { readonly destination?: ReturnType<typeof prettyLog> } {
  if (!process.stderr.isTTY) return {};
  return { destination: prettyLog((text) => process.stderr.write(text), process.env.NO_COLOR === undefined) };
}

/** Ends the process when stopping takes too long. What was acknowledged is in the log whatever happens. */
function giveUpLater(logger: Logger): void {
  const timer = setTimeout(() => {
    logger.error({ stopTimeoutMs }, "stopping took too long; the next start will recover from the log");
    process.exit(1);
  }, stopTimeoutMs);
  // It keeps nothing waiting that is done in time.
  timer.unref();
}
