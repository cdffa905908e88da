import { invalidArgument } from "./errors.ts";
import { shown } from "./shown.ts";

interface Unit {
  readonly name: string;
  readonly micros: number;
}

/** Largest first, the order in which a duration is written. */
const units: readonly Unit[] = [
  { name: "w", micros: 7 * 24 * 3_600_000_000 },
  { name: "d", micros: 24 * 3_600_000_000 },
  { name: "h", micros: 3_600_000_000 },
  { name: "m", micros: 60_000_000 },
  { name: "s", micros: 1_000_000 },
  { name: "ms", micros: 1_000 },
  { name: "us", micros: 1 },
];

const shape = /^(?:\d+(?:\.\d+)?(?:w|d|h|ms|m|s|us))+$/;
const part = /(\d+)(?:\.(\d+))?(w|d|h|ms|m|s|us)/g;

/**
 * Microseconds in a duration such as `30d`, `1h30m`, `1.5s` or `250ms`.
 * @throws INVALID_ARGUMENT for anything else, and for what is no whole number of microseconds.
 */
export function parseDuration(text: string): number {
  const micros = durationMicros(text);
  if (micros === undefined) {
    throw invalidArgument(
      `the duration ${shown(text)} cannot be read; write numbers with the units w, d, h, m, s, ms or us, largest first, such as "30d" or "1h30m"`,
    );
  }
  return micros;
}

/** The same, `undefined` for what cannot be read. */
export function durationMicros(text: string): number | undefined {
  if (typeof text !== "string" || !shape.test(text)) return undefined;
  let total = 0;
  let last = -1;
  for (const [, whole, fraction, name] of text.matchAll(part)) {
    const index = units.findIndex((unit) => unit.name === name);
    if (index <= last) return undefined;
    last = index;
    total += Number(whole) * units[index]!.micros + fractionMicros(fraction ?? "", units[index]!.micros);
  }
  return Number.isSafeInteger(total) ? total : undefined;
}

/** Microseconds in the decimals of a unit, in integers alone; NaN when they are no whole number. */
function fractionMicros(decimals: string, unitMicros: number): number {
  const digits = decimals.replace(/0+$/, "");
  if (digits.length > 12) return Number.NaN;
  const product = BigInt(digits) * BigInt(unitMicros);
  const divisor = 10n ** BigInt(digits.length);
  return product % divisor === 0n ? Number(product / divisor) : Number.NaN;
}

/** A duration in whole units, days at most, that {@link parseDuration} reads back as the same: `30d`, `1h30m`, `0s`. */
export function formatDuration(micros: number): string {
  if (!Number.isSafeInteger(micros) || micros < 0) {
    throw invalidArgument(`a duration is a whole number of microseconds, at least 0, not ${micros}`);
  }
  let rest = micros;
  let text = "";
  for (const unit of units.slice(1)) {
    const count = Math.floor(rest / unit.micros);
    rest -= count * unit.micros;
    if (count > 0) text += `${count}${unit.name}`;
  }
  return text === "" ? "0s" : text;
}
