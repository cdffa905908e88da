import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fromBase64, KvtsError, toBase64 } from "@kvts/common";
import { type Grant, type Role, roles } from "./grant.ts";

/** A token, as far as it is kept. */
export interface TokenRecord extends Grant {
  readonly id: string;
  /** For people; may be empty. */
  readonly name: string;
  /** SHA-256 of the whole token, in hexadecimal. */
  readonly hash: string;
  /** Microseconds since the Unix epoch. */
  readonly createdAt: number;
  /** From when on it is worthless, in microseconds since the Unix epoch. */
  readonly expiresAt?: number | undefined;
  /** Most calls in a second. */
  readonly callsPerSecond?: number | undefined;
}

/**
 * The tokens in a file; `undefined` where there is no file.
 * @throws CORRUPTION for a file that is none of tokens: reading it as empty would open the door
 */
export async function readTokenFile(path: string): Promise<TokenRecord[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    // Where the path leads through a file there are no tokens either; whoever needs the directory tells of that.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  const records = parse(text);
  if (records !== undefined) return records;
  const sentence = `${path} holds no tokens that can be read; restore it from a backup, or remove it to let everybody in`;
  throw new KvtsError("CORRUPTION", sentence, { details: { file: path } });
}

/** Replaces the file as a whole, durably, readable by its owner alone. */
export async function writeTokenFile(path: string, records: readonly TokenRecord[]): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ version: 1, tokens: records.map(toJson) }, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function toJson({ prefix, ...record }: TokenRecord): object {
  return { ...record, prefixBase64: toBase64(prefix) };
}

function parse(text: string): TokenRecord[] | undefined {
  try {
    const { version, tokens } = JSON.parse(text) as { version: unknown; tokens: unknown };
    if (version !== 1 || !Array.isArray(tokens)) return undefined;
    const records = tokens.map(fromJson);
    return records.includes(undefined) ? undefined : (records as TokenRecord[]);
  } catch {
    return undefined;
  }
}

function fromJson(json: Readonly<Record<string, unknown>>): TokenRecord | undefined {
  const { id, name, role, prefixBase64, hash, createdAt, expiresAt, callsPerSecond } = json;
  const prefix = typeof prefixBase64 === "string" ? fromBase64(prefixBase64) : undefined;
  const whole =
    typeof id === "string" &&
    typeof name === "string" &&
    roles.includes(role as Role) &&
    typeof hash === "string" &&
    /^[0-9a-f]{64}$/.test(hash) &&
    Number.isSafeInteger(createdAt) &&
    [expiresAt, callsPerSecond].every((limit) => limit === undefined || Number.isSafeInteger(limit));
  if (!whole || prefix === undefined) return undefined;
  return {
    id,
    name,
    role: role as Role,
    prefix,
    hash,
    createdAt: createdAt as number,
    ...(expiresAt !== undefined && { expiresAt: expiresAt as number }),
    ...(callsPerSecond !== undefined && { callsPerSecond: callsPerSecond as number }),
  };
}
