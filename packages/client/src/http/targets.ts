import { type ResolvedRange, textOf, toBase64Url } from "@kvts/common";

/** A request target in the making: its path, and its query's parameters, of which the undefined ones are left out. */
export function target(path: string, query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

/** How keys are written in a target: as text, or, where one of them cannot be, all in base64url. */
export type KeyEncoding = "base64url" | undefined;

export interface KeySegment {
  /** One path segment, percent-encoded. */
  readonly segment: string;
  readonly keyEncoding: KeyEncoding;
}

/** A key as a path's segment. URLs take `.` and `..` for steps through folders, however they are escaped. */
export function keySegment(key: Uint8Array): KeySegment {
  const text = textOf(key);
  return text === undefined || text === "." || text === ".."
    ? { segment: toBase64Url(key), keyEncoding: "base64url" }
    : { segment: encodeURIComponent(text), keyEncoding: undefined };
}

export interface RangeParameters {
  readonly start: string | undefined;
  readonly end: string | undefined;
  readonly keyEncoding: KeyEncoding;
}

/** A range as a query's parameters. */
export function rangeParameters({ start, end }: ResolvedRange): RangeParameters {
  const from = start.length === 0 ? undefined : start;
  const [startText, endText] = [from && textOf(from), end && textOf(end)];
  const plain = (from === undefined || startText !== undefined) && (end === undefined || endText !== undefined);
  if (plain) return { start: startText, end: endText, keyEncoding: undefined };
  return { start: from && toBase64Url(from), end: end && toBase64Url(end), keyEncoding: "base64url" };
}
