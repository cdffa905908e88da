import { parseSize } from "@kvts/common";
import { usageError } from "../failure.ts";
import { named } from "./times.ts";

const bytesMin = 32 * 2 ** 20;

/** Bytes of a store's memory, as they were typed. */
export function readMemory(text: string, name: string): number {
  const bytes = named(name, () => parseSize(text));
  if (bytes >= bytesMin) return bytes;
  throw usageError(`${name} must be at least 32MiB, not ${JSON.stringify(text)}`);
}
