import { invalidArgument, textOf, utf8 } from "@kvts/common";

/*
 * The request target is read as it came. URL parsers mend what is broken, and take `..` and `%2e` for steps through
 * folders, where here they are keys.
 */

/** A request target in its parts, still percent-encoded. */
export interface Target {
  readonly path: string;
  /** Without the question mark; empty where there is none. */
  readonly query: string;
}

/** Splits a request target. */
export function splitTarget(url: string): Target {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

/** Visible ASCII, which is all that a URL may be made of, without the `#` that ends it. */
const visible = /^[!"$-~]*$/;
const brokenEscape = /%(?![0-9a-fA-F]{2})/;

/**
 * The bytes that percent-encoded text stands for.
 * @param what how errors call it
 * @param plusIsSpace as in a query
 * @throws INVALID_ARGUMENT where an escape is broken or a character is no part of a URL
 */
export function percentDecode(text: string, what: string, plusIsSpace: boolean): Uint8Array {
  if (!visible.test(text)) throw invalidArgument(`${what} has characters that a URL cannot hold; percent-encode them`);
  if (brokenEscape.test(text)) {
    throw invalidArgument(`${what} has a "%" that is not followed by two hexadecimal digits; write %25 for a "%"`);
  }
  const codes = utf8(text);
  let to = 0;
  for (let from = 0; from < codes.length; from++, to++) {
    const code = codes[from]!;
    if (code === PERCENT) {
      codes[to] = (hexDigit(codes[from + 1]!) << 4) | hexDigit(codes[from + 2]!);
      from += 2;
    } else {
      codes[to] = plusIsSpace && code === PLUS ? SPACE : code;
    }
  }
  return codes.subarray(0, to);
}

/** The value of a character known to be a hexadecimal digit. */
function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code & 0xdf) - 0x37;
}

/** A query's values by name: text, or bytes where they are no UTF-8. */
export type QueryValues = Record<string, string | Uint8Array>;

/** @throws INVALID_ARGUMENT for broken percent-encoding, and for a name that comes twice */
export function parseQuery(query: string): QueryValues {
  const values: QueryValues = Object.create(null) as QueryValues;
  if (query === "") return values;
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const mark = pair.indexOf("=");
    const rawName = mark < 0 ? pair : pair.slice(0, mark);
    const name = textOf(percentDecode(rawName, "a query parameter's name", true));
    if (name === undefined) throw invalidArgument("a query parameter's name is not UTF-8");
    if (name in values)
      throw invalidArgument(`the query parameter ${name} is given twice; leave one out`, { field: name });
    const bytes = percentDecode(mark < 0 ? "" : pair.slice(mark + 1), `the query parameter ${name}`, true);
    values[name] = textOf(bytes) ?? bytes;
  }
  return values;
}

/** A time from a query, in which a `+` that was not encoded has become a space. */
export function timeText(text: string): string {
  return text.replace(/^ (?=\d)/, "+").replace(/ (?=\d\d:\d\d$)/, "+");
}
