import type { MessageInitShape } from "@bufbuild/protobuf";
import { Role as RoleMessage, type TokenSchema } from "@kvts/api";
import { invalidArgument } from "@kvts/common";
import type { Role } from "../auth/grant.ts";
import type { TokenInfo } from "../auth/tokens.ts";
import { numberOut } from "./numbers.ts";

const messages: Readonly<Record<Role, RoleMessage>> = {
  read: RoleMessage.READ,
  write: RoleMessage.WRITE,
  admin: RoleMessage.ADMIN,
};

/** @throws INVALID_ARGUMENT for none, and for one that this server does not know */
export function roleIn(message: RoleMessage): Role {
  const found = Object.entries(messages).find(([, each]) => each === message);
  if (found !== undefined) return found[0] as Role;
  throw invalidArgument("a token needs a role; send ROLE_READ, ROLE_WRITE or ROLE_ADMIN", { field: "role" });
}

export function tokenOut(info: TokenInfo): MessageInitShape<typeof TokenSchema> {
  const { id, name, role, prefix, createdAt, expiresAt, callsPerSecond } = info;
  return {
    id,
    name,
    role: messages[role],
    prefix,
    createdAt: numberOut(createdAt),
    ...(expiresAt !== undefined && { expiresAt: numberOut(expiresAt) }),
    ...(callsPerSecond !== undefined && { callsPerSecond: numberOut(callsPerSecond) }),
  };
}
