import type { Argv } from "yargs";
import { usageError } from "../failure.ts";
import { userPath } from "../paths.ts";

/** Where a command finds its store. */
export interface TargetOptions {
  url?: string | undefined;
  dbPath?: string | undefined;
}

/** A server, or a directory that is not being served. */
export type Target = { readonly url: URL } | { readonly directory: string };

const defaultUrl = "http://127.0.0.1:50051";

export function withTarget<T>(
  yargs: Argv<T>,
): Argv<T & { url: string | undefined } & { "db-path": string | undefined }> {
  return yargs
    .option("url", {
      type: "string",
      requiresArg: true,
      describe: `The server, by its gRPC or its HTTP address (or KVTS_URL; ${defaultUrl})`,
    })
    .option("db-path", {
      type: "string",
      requiresArg: true,
      describe: "The directory of a store that no server serves",
    });
}

/** @throws CommandError where both are named, or the address is none */
export function readTarget(options: TargetOptions, environmentUrl: string | undefined = process.env.KVTS_URL): Target {
  if (options.dbPath !== undefined) {
    if (options.url !== undefined) {
      throw usageError("--url and --db-path name two different stores; give one of them");
    }
    if (options.dbPath === "") throw usageError("--db-path is empty; name a directory");
    return { directory: userPath(options.dbPath) };
  }
  const address = options.url ?? (environmentUrl === "" ? undefined : environmentUrl) ?? defaultUrl;
  if (!URL.canParse(address) || !/^https?:\/\//i.test(address)) {
    throw usageError(`the address ${JSON.stringify(address)} cannot be used; write one such as ${defaultUrl}`);
  }
  return { url: new URL(address) };
}
