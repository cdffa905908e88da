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
  // One after the other, so that of several that are missing it is the first that is named.
  const cert = await readPem(tlsCert, "--tls-cert");
  const key = await readPem(tlsKey, "--tls-key");
  const clientCa = tlsClientCa === undefined ? undefined : await readPem(tlsClientCa, "--tls-client-ca");
  return { cert, key, clientCa };
}

async function readPem(path: string, flag: string): Promise<string> {
  try {
    return await readFile(userPath(path), "utf8");
  } catch (error) {
    throw usageError(`${flag} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
