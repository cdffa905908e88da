import { invalidArgument, utf8 } from "@kvts/common";

/** `text` when it is JSON, else `undefined`. */
export function jsonTextOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

/**
 * The bytes that a `valueJson` is stored as: its compact form.
 * @throws INVALID_ARGUMENT for a number that was rounded when the request was read
 */
export function jsonValueBytes(json: unknown): Uint8Array {
  return utf8(
    JSON.stringify(json, (_name, value: unknown) => {
      if (typeof value !== "number" || isExact(value)) return value;
      throw invalidArgument(
        `valueJson has the number ${value}, which JSON readers round; send the document as value, in a string, instead`,
        { field: "valueJson" },
      );
    }),
  );
}

/** Fractions are doubles to everybody; integers need not be. */
function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}
