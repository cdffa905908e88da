import { compareBytes, KvtsError, prefixEnd, type Range, resolveRange, textOf, toHex } from "@kvts/common";

/** What a token lets its bearer do; each role includes those before it. */
export type Role = "read" | "write" | "admin";

export const roles: readonly Role[] = ["read", "write", "admin"];

/** How far a caller may go: which verbs, on which keys. */
export interface Grant {
  readonly role: Role;
  /** Keys and ranges outside it are refused; empty for every key. */
  readonly prefix: Uint8Array;
}

/** @throws PERMISSION_DENIED where the grant's role does not include `role` */
export function requireRole(grant: Grant, role: Role): void {
  if (roles.indexOf(grant.role) >= roles.indexOf(role)) return;
  throw denied(`this token has the role ${grant.role}, and the call needs ${role}; use a token of that role`);
}

/** @throws PERMISSION_DENIED */
export function requireKey({ prefix }: Grant, key: Uint8Array): void {
  if (!startsWith(key, prefix)) throw outside(prefix);
}

/** @throws PERMISSION_DENIED unless the whole range lies within the grant's prefix */
export function requireRange({ prefix }: Grant, range: Range): void {
  if (prefix.length === 0) return;
  const { start, end } = resolveRange(range);
  const last = prefixEnd(prefix);
  const endsWithin = last === undefined || (end !== undefined && compareBytes(end, last) <= 0);
  if (compareBytes(start, prefix) < 0 || !endsWithin) throw outside(prefix);
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && compareBytes(key.subarray(0, prefix.length), prefix) === 0;
}

function outside(prefix: Uint8Array): KvtsError {
  const text = textOf(prefix);
  const shown = text === undefined ? `0x${toHex(prefix)}` : JSON.stringify(text);
  return denied(`this token is for keys that begin with ${shown}; keep to them, or use another token`);
}

function denied(message: string): KvtsError {
  return new KvtsError("PERMISSION_DENIED", message);
}
