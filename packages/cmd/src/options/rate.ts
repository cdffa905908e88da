import { parseSize } from "@kvts/common";
import { usageError } from "../failure.ts";
import { named } from "./times.ts";

/** Bytes a second, written as a size. `undefined` where none is given. @throws CommandError */
export function readRate(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const bytes = named(name, () => parseSize(text));
  if (bytes < 1) throw usageError(`${name} must be at least one byte a second, not ${JSON.stringify(text)}`);
  return bytes;
}
