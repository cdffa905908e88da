import { textOf, toBase64 } from "./bytes.ts";
import { encodeBound } from "./keys.ts";
import type { ResolvedRange } from "./range.ts";
import { bytesFromJson } from "./version-json.ts";

/** The bounds of a range in JSON: each as text when its bytes are UTF-8. What is left out does not bound it. */
export interface RangeJson {
  readonly start?: string;
  readonly startBase64?: string;
  readonly end?: string;
  readonly endBase64?: string;
}

export const rangeJsonFields = ["start", "startBase64", "end", "endBase64"] as const;

export function rangeToJson({ start, end }: ResolvedRange): RangeJson {
  return {
    ...(start.length === 0 ? {} : boundToJson("start", start)),
    ...(end === undefined ? {} : boundToJson("end", end)),
  };
}

/** @throws INVALID_ARGUMENT, TOO_LARGE */
export function rangeFromJson(fields: Readonly<Record<string, unknown>>): ResolvedRange {
  const bound = (name: "start" | "end"): Uint8Array | undefined =>
    bytesFromJson(fields, name, `${name}Base64`, (text) => encodeBound(text, name));
  return { start: bound("start") ?? new Uint8Array(0), end: bound("end") };
}

function boundToJson(name: "start" | "end", bound: Uint8Array): RangeJson {
  const text = textOf(bound);
  return text === undefined ? { [`${name}Base64`]: toBase64(bound) } : { [name]: text };
}
