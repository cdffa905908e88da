import { isKvtsError } from "@kvts/common";
import { damageOf, isDamage } from "../format/corruption.ts";

/**
 * What an error says of the file that was being read: that its bytes are damaged, or that the disk cannot read them.
 * @throws `error` where it says neither
 */
export function damageIn(error: unknown): string {
  if (isKvtsError(error, "CORRUPTION")) return damageOf(error);
  if (isDamage(error)) return `the disk cannot read it (${(error as Error).message})`;
  throw error;
}
