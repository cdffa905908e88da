import { parseDuration, parseSize } from "@kvts/common";
import { usageError } from "../failure.ts";
import { readMemory } from "../options/memory.ts";
import { readCount } from "../options/numbers.ts";
import { named } from "../options/times.ts";
import { type Durability, durabilities } from "../target/open-directory.ts";

/** How a server is run. */
export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
  readonly dbPath: string;
  /** Undefined for the directory beside the store's. */
  readonly checkpointPath: string | undefined;
  readonly durability: Durability;
  readonly maxRequestBytes: number;
  /** Of all requests together. */
  readonly maxBufferedBytes: number;
  /** To each port. */
  readonly maxConnections: number;
  /** On each connection of HTTP/2. */
  readonly maxConcurrentStreams: number;
  /** Milliseconds. */
  readonly headersTimeout: number;
  /** Milliseconds. */
  readonly requestTimeout: number;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Files of PEM; undefined for no TLS. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  readonly insecure: boolean;
  readonly memory: number;
  /** Undefined for its share of `memory`. */
  readonly memtableBytes: number | undefined;
  /** 0 for no scrub. */
  readonly scrubBytesPerSecond: number;
  /** Log kept for the change feed; 0 for none. */
  readonly feedBytes: number;
  /** Microseconds. */
  readonly feedAge: number;
  readonly logLevel: LogLevel;
  readonly acceptClock: boolean;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

/** One setting: how it is described, and how its text is read. `name` is how errors call the place it came from. */
export interface Setting<T> {
  readonly describe: string;
  readonly byDefault: string;
  read(text: string, name: string): T;
}

/** Every setting, by its name in a config file. As a flag it is `--http-port`, as a variable `KVTS_HTTP_PORT`. */
export const serverSettings: { readonly [Name in keyof ServerSettings]: Setting<ServerSettings[Name]> } = {
  host: { describe: "The address to bind", byDefault: "127.0.0.1", read: readText },
  port: { describe: "The port of gRPC; 0 for any free one", byDefault: "50051", read: readPort },
  httpPort: { describe: "The port of HTTP/JSON; 0 for any free one", byDefault: "3000", read: readPort },
  dbPath: { describe: "The directory of the store", byDefault: "./data", read: readText },
  checkpointPath: {
    describe:
      "The directory that clients' checkpoints go into; by default that of the store with -checkpoints behind it",
    byDefault: "",
    read: readPath,
  },
  durability: {
    describe: "When a write is acknowledged: on disk, or with the operating system (sync, buffered)",
    byDefault: "sync",
    read: (text, name) => oneOf(durabilities, text, name),
  },
  maxRequestBytes: {
    describe: "The largest request",
    byDefault: "8MiB",
    read: (text, name) => named(name, () => parseSize(text)),
  },
  maxBufferedBytes: {
    describe: "The most that all requests, and answers not yet taken, together may hold of memory",
    byDefault: "256MiB",
    read: (text, name) => named(name, () => parseSize(text)),
  },
  maxConnections: {
    describe: "The most connections to each port; more are turned away",
    byDefault: "4096",
    read: (text, name) => readCount(text, name)!,
  },
  maxConcurrentStreams: {
    describe: "The most calls at a time on one connection of HTTP/2",
    byDefault: "1000",
    read: (text, name) => readCount(text, name, 1, 2 ** 31 - 1)!,
  },
  headersTimeout: {
    describe: "How long a client may take for a TLS handshake, and for a request's headers",
    byDefault: "30s",
    read: readTimeout,
  },
  requestTimeout: {
    describe: "How long a client may take to send a whole request",
    byDefault: "5m",
    read: readTimeout,
  },
  allowedHosts: {
    describe: "Names by which clients may call the server besides its address, with commas between",
    byDefault: "",
    read: readList,
  },
  corsOrigins: {
    describe: "Origins whose web pages may call the server, with commas between; * for any",
    byDefault: "",
    read: readList,
  },
  tlsCert: {
    describe: "A file with the certificate (PEM, with its chain): both ports speak TLS",
    byDefault: "",
    read: readPath,
  },
  tlsKey: { describe: "The file with its key (PEM)", byDefault: "", read: readPath },
  tlsClientCa: {
    describe: "A file with authorities (PEM): clients need a certificate that one of them vouches for",
    byDefault: "",
    read: readPath,
  },
  insecure: {
    describe: "Let other machines in without TLS and without a token (true, false)",
    byDefault: "false",
    read: readFlag,
  },
  memory: {
    describe: "Memory for the store, everything together, from 32MiB",
    byDefault: "256MiB",
    read: readMemory,
  },
  memtableBytes: {
    describe: "What memory holds before it is written to a table, in place of its share of --memory; 256KiB to 1GiB",
    byDefault: "",
    read: readMemtableBytes,
  },
  scrubBytesPerSecond: {
    describe: "How fast tables are read again in the background to find damage; 0 for not at all",
    byDefault: "4MiB",
    read: (text, name) => named(name, () => parseSize(text)),
  },
  feedBytes: {
    describe: "How much log is kept so that a watch may go on from an earlier seq; 0 for as much as memory needs",
    byDefault: "1GiB",
    read: (text, name) => named(name, () => parseSize(text)),
  },
  feedAge: {
    describe: "How long that log is kept",
    byDefault: "7d",
    read: (text, name) => named(name, () => parseDuration(text)),
  },
  logLevel: {
    describe: `The least level that is logged (${logLevels.join(", ")})`,
    byDefault: "info",
    read: (text, name) => oneOf(logLevels, text, name),
  },
  acceptClock: {
    describe: "Open although the clock is far from where it was (true, false)",
    byDefault: "false",
    read: readFlag,
  },
};

type Name = keyof ServerSettings;
const names = Object.keys(serverSettings) as Name[];

/** Where settings come from, strongest first. */
export interface SettingSources {
  /** Flags as they were typed, by setting. */
  readonly flags: { readonly [name in Name]?: string | undefined };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A config file that has been read. */
  readonly file?: { readonly path: string; readonly text: string } | undefined;
}

/** Settings from flags, then KVTS_* variables, then the config file, then defaults. @throws CommandError naming the place */
export function resolveSettings({ flags, environment, file }: SettingSources): ServerSettings {
  const fromFile = file === undefined ? {} : parseConfig(file.text, file.path);
  const entries = names.map((name) => {
    const variable = environment[variableOf(name)];
    const places: readonly (readonly [string | undefined, string])[] = [
      [flags[name], `--${flagOf(name)}`],
      [variable === "" ? undefined : variable, variableOf(name)],
      [fromFile[name], `${JSON.stringify(name)} in ${file?.path}`],
      [serverSettings[name].byDefault, name],
    ];
    const [text, place] = places.find(([found]) => found !== undefined)!;
    return [name, serverSettings[name].read(text!, place)];
  });
  return Object.fromEntries(entries) as unknown as ServerSettings;
}

/** `httpPort` → `http-port`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `httpPort` → `KVTS_HTTP_PORT`. */
export function variableOf(name: string): string {
  return `KVTS_${flagOf(name).replaceAll("-", "_").toUpperCase()}`;
}

function parseConfig(text: string, path: string): { readonly [name in Name]?: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw usageError(`the config file ${path} is not JSON; write an object such as {"port": 50051}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw usageError(`the config file ${path} must hold a JSON object such as {"port": 50051}`);
  }
  for (const [name, value] of Object.entries(json)) {
    if (!names.includes(name as Name)) {
      throw usageError(
        `the config file ${path} has the unknown setting ${JSON.stringify(name)}; it may have ${names.join(", ")}`,
      );
    }
    if (typeof value === "object" && !Array.isArray(value)) {
      throw usageError(`${JSON.stringify(name)} in ${path} must be a text, a number, or true or false`);
    }
  }
  // A list becomes a text with commas.
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, String(value)]));
}

function readText(text: string, name: string): string {
  if (text === "") throw usageError(`${name} is empty; give it a value, or leave it out`);
  return text;
}

function readList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function readPath(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function readFlag(text: string, name: string): boolean {
  return oneOf(["true", "false"], text, name) === "true";
}

const memtableBytesMin = 256 * 2 ** 10;
const memtableBytesMax = 2 ** 30;

function readMemtableBytes(text: string, name: string): number | undefined {
  if (text === "") return undefined;
  const bytes = named(name, () => parseSize(text));
  if (bytes >= memtableBytesMin && bytes <= memtableBytesMax) return bytes;
  throw usageError(`${name} must be from 256KiB to 1GiB, not ${JSON.stringify(text)}`);
}

/** A timer's longest delay. */
const timerMsMax = 2 ** 31 - 1;

/** Milliseconds. */
function readTimeout(text: string, name: string): number {
  const ms = Math.floor(named(name, () => parseDuration(text)) / 1000);
  if (ms >= 1 && ms <= timerMsMax) return ms;
  throw usageError(`${name} must be from 1ms to 24d, not ${JSON.stringify(text)}`);
}

function readPort(text: string, name: string): number {
  return readCount(text, name, 0, 65_535)!;
}

function oneOf<T extends string>(allowed: readonly T[], text: string, name: string): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined)
    throw usageError(`${name} must be one of ${allowed.join(", ")}, not ${JSON.stringify(text)}`);
  return found;
}
