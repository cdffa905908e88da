import { KvtsError } from "./errors.ts";
import { shown } from "./shown.ts";

/**
 * Asserts what the code itself guarantees, never what callers pass in.
 * @param name the invariant, by its name where it has one: `R1: …`
 * @throws INTERNAL
 */
export function invariant(condition: boolean, name: string): asserts condition {
  if (!condition) throw new KvtsError("INTERNAL", `broken invariant, please report it: ${name}`);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new KvtsError("INTERNAL", `broken invariant, please report it: unexpected ${shown(value)}`);
}
