import {
  type Clock,
  checkOptionNames,
  KvtsError,
  type Logger,
  type OptionNames,
  silentLogger,
  systemClock,
} from "@kvts/common";
import { secureOptions } from "./listen/secure.ts";

/** Certificates, as PEM. */
export interface TlsOptions {
  /** The server's own, with the chain up to its authority. */
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** The authorities of clients' certificates: with it a client needs one that they vouch for. */
  readonly clientCa?: string | Uint8Array | undefined;
}

/** How a store is served. Everything has a default. */
export interface ServeOptions {
  /** The address that both ports bind. Default 127.0.0.1; anything else lets other machines in, and needs `tls`, a token, or `insecure`. */
  readonly host?: string;
  /** Port of gRPC, gRPC-Web and Connect over HTTP/2; 0 for any free one. Default 50051. */
  readonly port?: number;
  /** Port of HTTP/JSON, with gRPC-Web and Connect, over HTTP/1.1; 0 for any free one. Default 3000. */
  readonly httpPort?: number;
  /** Names by which clients may call the server besides the bound address; `*` for any. Default none. */
  readonly allowedHosts?: readonly string[];
  /**
   * Origins whose pages browsers may let call the server, as `https://shop.example`; `*` for any. Default none: pages of
   * the server's own address alone.
   */
  readonly corsOrigins?: readonly string[];
  /** Largest request body or message, in bytes, compressed or not. Default 8 MiB. */
  readonly maxRequestBytes?: number;
  /** Most bytes of request bodies held at a time; requests beyond are OVERLOADED. Default 256 MiB. */
  readonly maxBufferedBytes?: number;
  /** How far ahead of the server's clock a write's timestamp may be. Default 300,000 (5 minutes). */
  readonly maxFutureSkewMs?: number;
  /** Most connections to each port; more are turned away. Default 4,096. */
  readonly maxConnections?: number;
  /** Most calls at a time on one HTTP/2 connection. Default 1,000. */
  readonly maxConcurrentStreams?: number;
  /** How long a client may take to send a request's headers. Default 30,000. */
  readonly headersTimeoutMs?: number;
  /** How long a client may take to send a whole request. Default 300,000. */
  readonly requestTimeoutMs?: number;
  /** How long `close` waits for work in flight. Default 10,000. */
  readonly drainTimeoutMs?: number;
  /**
   * How long the server looks for the items of a page before it answers with those that it has, perhaps none, and a token
   * to go on. Default 1,000.
   */
  readonly pageTimeMs?: number;
  /** How long a page token pins its seq after its last use. Default 60,000. */
  readonly pageTokenIdleMs?: number;
  /** Most seqs that page tokens pin; beyond, the longest idle one is let go. Default 4,096. */
  readonly maxPageTokens?: number;
  /** How long a client's snapshot is held after it was made or last renewed. Default 60,000. */
  readonly snapshotLeaseMs?: number;
  /** Most snapshots that clients hold at a time; more are OVERLOADED. Default 1,000. */
  readonly maxSnapshots?: number;
  /** Serves both ports over TLS. Default none. */
  readonly tls?: TlsOptions | undefined;
  /**
   * The file that tokens are kept in, made with the first one: from then on every call needs a token. It is this
   * server's alone. Default none: everybody who reaches a port may do everything.
   */
  readonly tokensFile?: string | undefined;
  /**
   * The directory that clients' checkpoints go into, each by its name, made with the first one; best on the store's disk.
   * Default none: they are refused.
   */
  readonly checkpointPath?: string | undefined;
  /** Lets other machines in (`host`) although there is neither TLS nor a token. Default false. */
  readonly insecure?: boolean;
  readonly logger?: Logger;
  /** The server's clock, for `maxFutureSkewMs`, relative times and `ttl`. */
  readonly clock?: Clock;
}

export type Settings = Required<ServeOptions>;

const MiB = 1024 * 1024;

const defaults: Settings = {
  host: "127.0.0.1",
  port: 50_051,
  httpPort: 3000,
  allowedHosts: [],
  corsOrigins: [],
  maxRequestBytes: 8 * MiB,
  maxBufferedBytes: 256 * MiB,
  maxFutureSkewMs: 5 * 60_000,
  maxConnections: 4096,
  maxConcurrentStreams: 1000,
  headersTimeoutMs: 30_000,
  requestTimeoutMs: 300_000,
  drainTimeoutMs: 10_000,
  pageTimeMs: 1000,
  pageTokenIdleMs: 60_000,
  maxPageTokens: 4096,
  snapshotLeaseMs: 60_000,
  maxSnapshots: 1000,
  tls: undefined,
  tokensFile: undefined,
  checkpointPath: undefined,
  insecure: false,
  logger: silentLogger,
  clock: systemClock,
};

const optionNames = Object.fromEntries(Object.keys(defaults).map((name) => [name, true])) as OptionNames<ServeOptions>;

/** Least value of each number, and the greatest where there is one. */
const bounds = {
  port: [0, 65_535],
  httpPort: [0, 65_535],
  // Connect holds messages of up to 4 GiB.
  maxRequestBytes: [1024, 2 ** 32 - 1],
  maxBufferedBytes: [1024, Number.MAX_SAFE_INTEGER],
  maxFutureSkewMs: [0, Number.MAX_SAFE_INTEGER],
  maxConnections: [1, Number.MAX_SAFE_INTEGER],
  maxConcurrentStreams: [1, 2 ** 31 - 1],
  headersTimeoutMs: [1, 2 ** 31 - 1],
  requestTimeoutMs: [1, 2 ** 31 - 1],
  drainTimeoutMs: [0, 2 ** 31 - 1],
  pageTimeMs: [0, 2 ** 31 - 1],
  pageTokenIdleMs: [1, 2 ** 31 - 1],
  maxPageTokens: [1, Number.MAX_SAFE_INTEGER],
  snapshotLeaseMs: [1, 2 ** 31 - 1],
  maxSnapshots: [1, Number.MAX_SAFE_INTEGER],
} as const;

/**
 * The options with defaults in place.
 * @throws INVALID_ARGUMENT naming the option that is out of its bounds, or none of ours
 */
export function resolveOptions(options: ServeOptions): Settings {
  checkOptionNames(options, optionNames, "serve");
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: Settings = Object.freeze({ ...defaults, ...given });
  if (settings.tls !== undefined) checkTls(settings.tls);
  for (const [name, [least, greatest]] of Object.entries(bounds)) {
    checkBounds(name, settings[name as keyof typeof bounds], least, greatest);
  }
  for (const origin of settings.corsOrigins) checkOrigin(origin);
  // One request must fit, whatever else is in flight.
  checkBounds("maxBufferedBytes", settings.maxBufferedBytes, settings.maxRequestBytes, Number.MAX_SAFE_INTEGER);
  return settings;
}

function checkBounds(name: string, value: number, least: number, greatest: number): void {
  if (Number.isInteger(value) && value >= least && value <= greatest) return;
  const to = greatest === Number.MAX_SAFE_INTEGER ? "" : ` to ${greatest}`;
  throw new KvtsError("INVALID_ARGUMENT", `${name} must be a whole number from ${least}${to}, not ${String(value)}`, {
    details: { field: name },
  });
}

function checkOrigin(origin: string): void {
  if (origin === "*" || URL.parse(origin)?.origin === origin) return;
  throw new KvtsError(
    "INVALID_ARGUMENT",
    `the origin ${JSON.stringify(origin)} is none that browsers send; write it such as https://shop.example, or * for any`,
    { details: { field: "corsOrigins" } },
  );
}

/** @throws INVALID_ARGUMENT where a certificate and its key cannot be used */
export function checkTls(tls: TlsOptions): void {
  checkOptionNames(tls, { cert: true, key: true, clientCa: true }, "tls");
  secureOptions(tls, []);
}

/**
 * Keeps a server from being open to other machines without anybody having meant it.
 * @throws INVALID_ARGUMENT
 */
export function checkExposure({ host, tls, insecure }: Settings, needsToken: boolean): void {
  if (insecure || tls !== undefined || needsToken || isLoopback(host)) return;
  throw new KvtsError(
    "INVALID_ARGUMENT",
    `${host} lets other machines in, and there is neither TLS nor a token; set up one of them (\`kvts token create\` makes a token), or say that it shall be open (insecure)`,
    { details: { field: "host" } },
  );
}

function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || name.startsWith("127.");
}
