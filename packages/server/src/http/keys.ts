import { encodeBound, encodeKey, fromBase64Url, invalidArgument, type Range, textOf } from "@kvts/common";
import { percentDecode } from "./target.ts";

/** How keys are written in paths and queries. */
export type KeyEncoding = "base64url" | undefined;

/** The key that a path's segment stands for. */
export function keyFromSegment(segment: string, encoding: KeyEncoding): Uint8Array {
  const bytes = percentDecode(segment, "the key", false);
  return encodeKey(encoding === "base64url" ? fromEncoded(textOf(bytes), "the key") : bytes);
}

/** Bounds as a query gives them. */
export interface RangeQuery {
  readonly prefix?: string | Uint8Array | undefined;
  readonly start?: string | Uint8Array | undefined;
  readonly end?: string | Uint8Array | undefined;
  readonly keyEncoding?: KeyEncoding;
}

export function rangeFromQuery({ prefix, start, end, keyEncoding }: RangeQuery): Range {
  const bound = (value: string | Uint8Array | undefined, name: string): Uint8Array | undefined => {
    if (value === undefined) return undefined;
    if (keyEncoding !== "base64url") return encodeBound(value, name);
    return encodeBound(fromEncoded(typeof value === "string" ? value : undefined, name), name);
  };
  // Both forms together are refused where ranges are resolved, for all faces alike.
  return { prefix: bound(prefix, "prefix"), start: bound(start, "start"), end: bound(end, "end") } as Range;
}

function fromEncoded(text: string | undefined, name: string): Uint8Array {
  const bytes = text === undefined ? undefined : fromBase64Url(text);
  if (bytes === undefined) {
    throw invalidArgument(`${name} is not base64url, as keyEncoding says; use letters, digits, "-" and "_"`);
  }
  return bytes;
}
