import { invalidArgument } from "./errors.ts";

/**
 * Checks that `value` is a plain object with no other fields than `allowed`, so that a misspelt name is not taken
 * for an absent one. `what` is how errors call it.
 */
export function checkFields(value: unknown, allowed: readonly string[], what: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidArgument(`${what} must be an object with the fields ${allowed.join(", ")}`);
  }
  for (const name in value) {
    if (!allowed.includes(name)) {
      throw invalidArgument(`${what} has no field ${JSON.stringify(name)}; it may have ${allowed.join(", ")}`, {
        field: name,
      });
    }
  }
}
