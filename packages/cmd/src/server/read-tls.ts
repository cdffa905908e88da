import { readFile } from "node:fs/promises";
import type { TlsOptions } from "@kvts/server";
import { usageError } from "../failure.ts";
import { userPath } from "../paths.ts";
import type { ServerSettings } from "./settings.ts";

/** The certificates that the settings name; undefined for none. @throws CommandError naming the setting */
export async function readTls({ tlsCert, tlsKey, tlsClientCa }: ServerSettings): Promise<TlsOptions | undefined> {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usageError("TLS needs a certificate and its key; give both --tls-cert and --tls-key");
  }
  const [cert, key, clientCa] = await Promise.all([
    readPem(tlsCert, "--tls-cert"),
    readPem(tlsKey, "--tls-key"),
    tlsClientCa === undefined ? undefined : readPem(tlsClientCa, "--tls-client-ca"),
  ]);
  return { cert, key, clientCa };
}

async function readPem(path: string, flag: string): Promise<string> {
  try {
    return await readFile(userPath(path), "utf8");
  } catch (error) {
    throw usageError(`${flag} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
