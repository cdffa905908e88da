import { Role as RoleMessage, type Token } from "@kvts/api";
import { systemClock } from "@kvts/common";
import type { CreatedToken, Role, TokenAdmin, TokenInfo, TokenRequest } from "@kvts/server";
import { readTarget, type ServerTarget, type TargetOptions } from "../options/target.ts";
import { tokensFileOf } from "../server/tokens-file.ts";
import { askAdmin } from "./ask-admin.ts";
import { type Access, openDirectory } from "./open-directory.ts";

/** Where tokens are made: at a server, or in a directory that no server serves. */
export interface TokenOffice {
  create(request: TokenRequest): Promise<CreatedToken>;
  list(): Promise<readonly TokenInfo[]>;
  revoke(id: string): Promise<void>;
}

export function tokenOffice(options: TargetOptions): TokenOffice {
  const target = readTarget(options);
  return "url" in target ? officeOfServer(target) : officeOfDirectory(target.directory);
}

const messages: Readonly<Record<Role, RoleMessage>> = {
  read: RoleMessage.READ,
  write: RoleMessage.WRITE,
  admin: RoleMessage.ADMIN,
};

function officeOfServer(target: ServerTarget): TokenOffice {
  return {
    create: ({ role, prefix, name, expiresIn, callsPerSecond }) =>
      askAdmin(target, async (admin, options) => {
        const request = {
          role: messages[role],
          ...(prefix && { prefix }),
          ...(name !== undefined && { name }),
          ...(expiresIn !== undefined && { expiresIn: BigInt(expiresIn) }),
          ...(callsPerSecond !== undefined && { callsPerSecond: BigInt(callsPerSecond) }),
        };
        const { secret, token } = await admin.createToken(request, options);
        return { token: secret, info: infoOf(token!) };
      }),
    list: () => askAdmin(target, async (admin, options) => (await admin.listTokens({}, options)).tokens.map(infoOf)),
    revoke: (id) => askAdmin(target, async (admin, options) => void (await admin.revokeToken({ id }, options))),
  };
}

function infoOf({ id, name, role, prefix, createdAt, expiresAt, callsPerSecond }: Token): TokenInfo {
  const [known] = Object.entries(messages).find(([, message]) => message === role) ?? [];
  return {
    id,
    name,
    role: (known ?? "unknown") as Role,
    prefix,
    createdAt: Number(createdAt),
    ...(expiresAt !== undefined && { expiresAt: Number(expiresAt) }),
    ...(callsPerSecond !== undefined && { callsPerSecond: Number(callsPerSecond) }),
  };
}

/** Holds the directory meanwhile, so that no server is there whose tokens would be changed behind its back. */
function officeOfDirectory(directory: string): TokenOffice {
  const work = async <T>(access: Access, run: (tokens: TokenAdmin) => Promise<T> | T): Promise<T> => {
    await using _store = await openDirectory(directory, access);
    const { openTokens } = await import("@kvts/server");
    return await run(await openTokens(tokensFileOf(directory), systemClock));
  };
  return {
    create: (request) => work("write", (tokens) => tokens.createToken(request)),
    list: () => work("read", (tokens) => tokens.listTokens()),
    revoke: (id) => work("read", (tokens) => tokens.revokeToken(id)),
  };
}
