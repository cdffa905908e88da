import { brokenAnswer } from "./failures.ts";

/** A timestamp or seq as it arrived, checked to be an integer from 0 to 2^53 − 1. `name` is how errors call it. */
export function arrivedNumber(value: unknown, name: string): number {
  // A bigint beyond 2^53 − 1 is rounded here, but never back into the safe range.
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  throw brokenAnswer(`its ${name} is ${String(value)}`);
}
