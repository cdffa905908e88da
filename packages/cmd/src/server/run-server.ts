import type { Logger } from "@kvts/common";
import type { Db } from "@kvts/db";
import type { ServeOptions } from "@kvts/server";
import { print } from "../output/sink.ts";
import { userPath } from "../paths.ts";
import { type DirectoryOptions, openDirectory } from "../target/open-directory.ts";
import { announcementText } from "./announcement.ts";
import { checkPorts } from "./check-ports.ts";
import { followTls } from "./follow-tls.ts";
import { prettyLog } from "./pretty-log.ts";
import { readTls } from "./read-tls.ts";
import type { ServerSettings } from "./settings.ts";
import { nextStopSignal } from "./stop-signal.ts";
import { tokensFileOf } from "./tokens-file.ts";

/** How long requests in flight may take to finish once the server is told to stop. */
const drainTimeoutMs = 10_000;
/** By when everything is over, the last sync included; otherwise the process gives up. */
const stopTimeoutMs = 30_000;

/** Serves a directory until a signal. @throws CommandError where it cannot begin */
export async function runServer(settings: ServerSettings, json: boolean): Promise<void> {
  const { dbPath } = settings;
  const tls = await readTls(settings);
  await checkPorts(settings);
  const { checkServeOptions, createLogger, serve } = await import("@kvts/server");
  const logger = createLogger({ level: settings.logLevel, ...prettyOnTerminals() });
  const options = { ...serveOptions(settings), tls, logger };
  await checkServeOptions(options);
  const stopSignal = nextStopSignal();
  // Served from the start, so that whoever looks after the process sees a long recovery as a server that is not ready.
  await using opening = openingOf(openDirectory(dbPath, "write", { ...engineOptions(settings), logger }));
  await using server = await serve(opening.store, options);
  const { recovery } = await opening.store;
  await server.ready;
  await print(announcementText({ grpcUrl: server.grpcUrl, httpUrl: server.httpUrl, dbPath, recovery }, json));
  using _following = tls === undefined ? undefined : followTls(settings, tls, server, logger);
  const signal = await stopSignal;
  logger.info({ signal }, "stopping");
  giveUpLater(logger);
  await server.close();
}

function serveOptions(settings: ServerSettings): ServeOptions {
  const { host, port, httpPort, allowedHosts, corsOrigins, insecure, dbPath } = settings;
  const { maxRequestBytes, maxBufferedBytes, maxConnections, maxConcurrentStreams } = settings;
  const limits = { maxRequestBytes, maxBufferedBytes, maxConnections, maxConcurrentStreams };
  const times = {
    headersTimeoutMs: settings.headersTimeout,
    requestTimeoutMs: settings.requestTimeout,
    drainTimeoutMs,
  };
  const tokensFile = tokensFileOf(dbPath);
  const checkpointPath = userPath(settings.checkpointPath ?? `${dbPath}-checkpoints`);
  const files = { tokensFile, checkpointPath };
  return { host, port, httpPort, allowedHosts, corsOrigins, insecure, ...limits, ...times, ...files };
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
  const { durability, memory, memtableBytes, scrubBytesPerSecond, feedBytes, feedAge, acceptClock } = settings;
  return {
    durability,
    memoryBytes: memory,
    ...(memtableBytes !== undefined && { memtableBytes }),
    scrubBytesPerSecond,
    feedBytes,
    feedAgeMs: Math.max(1, Math.round(feedAge / 1000)),
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
