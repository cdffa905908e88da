import { readFileSync } from "node:fs";
import type { ClientTlsOptions } from "@kvts/client";
import type { Argv } from "yargs";
import { usageError } from "../failure.ts";
import { userPath } from "../paths.ts";

/** Where a command finds its store. */
export interface TargetOptions {
  url?: string | undefined;
  dbPath?: string | undefined;
  token?: string | undefined;
  ca?: string | undefined;
  clientCert?: string | undefined;
  clientKey?: string | undefined;
}

/** A server, or a directory that is not being served. */
export type Target = ServerTarget | { readonly directory: string };

/** A server, and what it knows the caller by. */
export interface ServerTarget {
  readonly url: URL;
  readonly token: string | undefined;
  /** Undefined where the caller's machine decides whom to trust. */
  readonly tls: ClientTlsOptions | undefined;
}

const defaultUrl = "http://127.0.0.1:50051";

type WithTarget<T> = Argv<
  T & { url: string | undefined } & { "db-path": string | undefined } & { token: string | undefined } & {
    ca: string | undefined;
  } & { "client-cert": string | undefined } & { "client-key": string | undefined }
>;

export function withTarget<T>(yargs: Argv<T>): WithTarget<T> {
  return yargs
    .option("url", text(`The server, by its gRPC or its HTTP address (or KVTS_URL; ${defaultUrl})`))
    .option("db-path", text("The directory of a store that no server serves"))
    .option("token", text("What the server knows the caller by (better KVTS_TOKEN: other users see arguments)"))
    .option("ca", text("A file with the authorities that vouch for an https server (or KVTS_CA)"))
    .option("client-cert", text("A file with a certificate, for a server that wants one (or KVTS_CLIENT_CERT)"))
    .option("client-key", text("The file with its key (or KVTS_CLIENT_KEY)"));
}

function text(describe: string): { readonly type: "string"; readonly requiresArg: true; readonly describe: string } {
  return { type: "string", requiresArg: true, describe };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CommandError where both are named, or the address is none */
export function readTarget(options: TargetOptions, environment: Environment = process.env): Target {
  const from = (option: string | undefined, variable: string): string | undefined =>
    option ?? (environment[variable] === "" ? undefined : environment[variable]);
  if (options.dbPath !== undefined) {
    if (options.url !== undefined) {
      throw usageError("--url and --db-path name two different stores; give one of them");
    }
    if (options.dbPath === "") throw usageError("--db-path is empty; name a directory");
    return { directory: userPath(options.dbPath) };
  }
  const address = from(options.url, "KVTS_URL") ?? defaultUrl;
  if (!URL.canParse(address) || !/^https?:\/\//i.test(address)) {
    throw usageError(`the address ${JSON.stringify(address)} cannot be used; write one such as ${defaultUrl}`);
  }
  const ca = readPem(from(options.ca, "KVTS_CA"), "ca");
  const cert = readPem(from(options.clientCert, "KVTS_CLIENT_CERT"), "client-cert");
  const key = readPem(from(options.clientKey, "KVTS_CLIENT_KEY"), "client-key");
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError("a certificate needs its key, and the other way round; give both --client-cert and --client-key");
  }
  const url = new URL(address);
  // What is set for all commands does no harm to those that go elsewhere.
  const secure = url.protocol === "https:" && (ca !== undefined || cert !== undefined);
  return { url, token: from(options.token, "KVTS_TOKEN"), tls: secure ? { ca, cert, key } : undefined };
}

/** @throws CommandError naming the option and the file */
function readPem(path: string | undefined, option: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(userPath(path), "utf8");
  } catch (error) {
    throw usageError(`--${option} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
