import { invalidArgument } from "./errors.ts";
import { shown } from "./shown.ts";

const factors: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["tb", 1e12],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
  ["tib", 2 ** 40],
]);

/**
 * Bytes in a size: a number, digits, or digits with a unit (`64MiB`, `8 MiB`, `1.5 GB`), in any case.
 * @throws INVALID_ARGUMENT for anything else, and for what is no whole number of bytes
 */
export function parseSize(input: number | string): number {
  const bytes = typeof input === "number" ? input : textBytes(input);
  if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw invalidArgument(
      `the size ${shown(input)} cannot be read; write a number of bytes, or one with a unit such as "64MiB" or "1 GB"`,
    );
  }
  return bytes;
}

function textBytes(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const factor = factors.get(match?.[2]?.toLowerCase() ?? "");
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

/** A size for people, in the largest unit that leaves at least 1, with one decimal where it is not whole: `1.5 MiB`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
