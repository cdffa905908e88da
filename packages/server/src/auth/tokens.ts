import {
  type Clock,
  checkPositiveInteger,
  checkTimestamp,
  copyBytes,
  encodeBound,
  invalidArgument,
  KvtsError,
} from "@kvts/common";
import { type Grant, type Role, roles } from "./grant.ts";
import { hasHash, idOf, makeToken } from "./token.ts";
import { readTokenFile, type TokenRecord, writeTokenFile } from "./token-file.ts";

/** A token as it may be told to those who look after tokens. */
export type TokenInfo = Omit<TokenRecord, "hash">;

export interface TokenRequest {
  readonly role: Role;
  /** Keys that it is for; every key unless given. */
  readonly prefix?: Uint8Array | undefined;
  readonly name?: string | undefined;
  /** How long it is good for, in microseconds; for ever unless given. */
  readonly expiresIn?: number | undefined;
  /** Most calls in a second; any number unless given. */
  readonly callsPerSecond?: number | undefined;
}

export interface CreatedToken {
  /** What its bearer shows. It is told this once. */
  readonly token: string;
  readonly info: TokenInfo;
}

/** What can be done about tokens. */
export interface TokenAdmin {
  /** @throws INVALID_ARGUMENT; UNIMPLEMENTED where tokens have no file to be kept in */
  createToken(request: TokenRequest): Promise<CreatedToken>;
  listTokens(): readonly TokenInfo[];
  /** @throws INVALID_ARGUMENT where there is no such token */
  revokeToken(id: string): Promise<void>;
}

export interface Tokens extends TokenAdmin {
  /** Whether callers need a token: from the first one on, for good, even when all have been revoked. */
  readonly required: boolean;
  /**
   * What the bearer of a token may do.
   * @param authorization the header of this name
   * @throws UNAUTHENTICATED
   */
  grantOf(authorization: string | undefined): TokenRecord;
  /** @throws UNAUTHENTICATED where the token that gave this grant has been revoked since, or has expired */
  checkLive(record: TokenRecord): void;
}

interface KnownToken {
  readonly record: TokenRecord;
  readonly hash: Uint8Array;
}

const nameCharactersMax = 200;
/** Compared with what no token has, so that unknown ids take as long as known ones. */
const noHash = new Uint8Array(32);
const bearer = /^Bearer +([\w-]+) *$/i;

class FileTokens implements Tokens {
  readonly #path: string | undefined;
  readonly #clock: Clock;
  readonly #known = new Map<string, KnownToken>();
  readonly #live = new Set<TokenRecord>();
  required: boolean;
  /** Changes one after the other: each writes the whole file. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string | undefined, records: readonly TokenRecord[] | undefined, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.required = records !== undefined;
    for (const record of records ?? []) this.#know(record);
  }

  grantOf(authorization: string | undefined): TokenRecord {
    if (authorization === undefined) {
      throw unauthenticated("this server wants a token; send one as `authorization: Bearer …`");
    }
    const text = bearer.exec(authorization)?.[1] ?? "";
    const known = this.#known.get(idOf(text) ?? "");
    if (!hasHash(text, known?.hash ?? noHash) || known === undefined) throw unknownToken();
    this.#checkAge(known.record);
    return known.record;
  }

  checkLive(record: TokenRecord): void {
    if (!this.#live.has(record)) throw unknownToken();
    this.#checkAge(record);
  }

  #checkAge({ expiresAt }: TokenRecord): void {
    if (expiresAt === undefined || this.#clock.now() < expiresAt) return;
    throw unauthenticated("the token has expired; ask for another");
  }

  createToken(request: TokenRequest): Promise<CreatedToken> {
    return this.#inTurn(async () => {
      const { id, text, hash } = makeToken();
      const createdAt = this.#clock.now();
      const record = {
        id,
        ...checked(request, this.#known.size === 0),
        hash,
        createdAt,
        ...limitsOf(request, createdAt),
      };
      await this.#write([...this.#records(), record]);
      this.#know(record);
      // Not before it is on disk: a server that comes back without it must not have refused anybody for it.
      this.required = true;
      return { token: text, info: infoOf(record) };
    });
  }

  listTokens(): readonly TokenInfo[] {
    return this.#records().map(infoOf);
  }

  revokeToken(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.#known.get(id);
      if (known === undefined)
        throw invalidArgument(`there is no token ${JSON.stringify(id)}; list those that there are`);
      await this.#write(this.#records().filter((record) => record.id !== id));
      this.#known.delete(id);
      this.#live.delete(known.record);
    });
  }

  #know(record: TokenRecord): void {
    this.#live.add(record);
    this.#known.set(record.id, { record, hash: Buffer.from(record.hash, "hex") });
  }

  #records(): TokenRecord[] {
    return [...this.#known.values()].map(({ record }) => record);
  }

  async #write(records: readonly TokenRecord[]): Promise<void> {
    if (this.#path === undefined) {
      throw new KvtsError(
        "UNIMPLEMENTED",
        "this server was started without a file for tokens; give it one (tokensFile)",
      );
    }
    await writeTokenFile(this.#path, records);
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function checked({ role, prefix, name = "" }: TokenRequest, first: boolean): Grant & { readonly name: string } {
  if (!roles.includes(role)) throw invalidArgument(`role must be one of ${roles.join(", ")}`, { field: "role" });
  const bytes = copyBytes(encodeBound(prefix ?? new Uint8Array(0), "prefix"));
  if (role === "admin" && bytes.length > 0) {
    throw invalidArgument("a token of role admin is for the whole store; leave the prefix out", { field: "prefix" });
  }
  if (first && role !== "admin") {
    const why = "the first token has to be of role admin: once there is one, every call needs a token";
    throw invalidArgument(`${why}, and others are made with it`, { field: "role" });
  }
  if (name.length > nameCharactersMax) {
    throw invalidArgument(`name has more than ${nameCharactersMax} characters; shorten it`, { field: "name" });
  }
  return { role, prefix: bytes, name };
}

/** What bounds a token, in the terms of its record. */
function limitsOf(
  { expiresIn, callsPerSecond }: TokenRequest,
  createdAt: number,
): Pick<TokenRecord, "expiresAt" | "callsPerSecond"> {
  if (expiresIn !== undefined) checkPositiveInteger(expiresIn, "expiresIn");
  if (callsPerSecond !== undefined) checkPositiveInteger(callsPerSecond, "callsPerSecond");
  return {
    ...(expiresIn !== undefined && { expiresAt: checkTimestamp(createdAt + expiresIn, "expiresAt") }),
    ...(callsPerSecond !== undefined && { callsPerSecond }),
  };
}

function infoOf({ hash: _, ...info }: TokenRecord): TokenInfo {
  return info;
}

function unknownToken(): KvtsError {
  return unauthenticated("this server does not know the token; it may have been revoked, so ask for another");
}

function unauthenticated(message: string): KvtsError {
  return new KvtsError("UNAUTHENTICATED", message);
}

/**
 * The tokens in a file, which is made with the first one. Nobody else may change it meanwhile.
 * @param path `undefined` for no tokens, ever
 * @throws CORRUPTION for a file that cannot be read
 */
export async function openTokens(path: string | undefined, clock: Clock): Promise<Tokens> {
  return new FileTokens(path, path === undefined ? undefined : await readTokenFile(path), clock);
}
