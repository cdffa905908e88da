import { textOf } from "@kvts/common";

/**
 * The name that a write was given in `Idempotency-Key`. Node hands headers over a byte a character; the bytes are UTF-8,
 * and otherwise taken for Latin-1.
 */
export function requestIdIn(header: (name: string) => string | undefined): string | undefined {
  const value = header("idempotency-key");
  return value === undefined ? undefined : (textOf(Buffer.from(value, "latin1")) ?? value);
}
