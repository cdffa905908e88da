import type { Line } from "./lines.ts";

/** One record of a CSV file. */
export interface CsvRecord {
  /** The line on which it begins. */
  readonly line: number;
  /** Undefined where the record is malformed. */
  readonly fields: readonly Uint8Array[] | undefined;
  /** Why it is malformed. */
  readonly flaw?: string;
}

const quote = 0x22;
const newline = Uint8Array.of(0x0a);
const carriageReturn = 0x0d;

/**
 * Puts the lines of a CSV file together to records, as RFC 4180 has it: a field may be quoted, and then hold
 * delimiters, newlines and doubled quotes. A quote within an unquoted field stands for itself. Empty lines are no
 * records. After a malformed record the next line begins another.
 */
export class CsvRecords {
  readonly #delimiter: number;
  readonly #recordBytesMax: number;
  /** The line on which the open record began. */
  #line = 0;
  #fields: Uint8Array[] = [];
  /** Pieces of a quoted field that is still open after the last line; `undefined` outside one. */
  #open: Uint8Array[] | undefined;
  #openBytes = 0;

  /** @param delimiter one byte */
  constructor(delimiter: number, recordBytesMax: number) {
    this.#delimiter = delimiter;
    this.#recordBytesMax = recordBytesMax;
  }

  /** Adds a line. Returns the record that it completes, if it does. */
  add(line: Line): CsvRecord | undefined {
    const { bytes } = line;
    if (this.#open === undefined) {
      this.#line = line.number;
      this.#fields = [];
      if (bytes !== undefined && isBlank(bytes)) return undefined;
    }
    if (bytes === undefined) return this.#flawed("is longer than any version can be");
    return this.#open === undefined ? this.#fieldsFrom(bytes, 0) : this.#continueQuoted(bytes, 0);
  }

  /** The record that the end of the file leaves open, if any. */
  end(): CsvRecord | undefined {
    if (this.#open === undefined) return undefined;
    return this.#flawed("opens a quote that is never closed: the file was cut short, or a quote is missing");
  }

  /** Reads the fields of `bytes` from `at`, where one begins, to the end of the line. */
  #fieldsFrom(bytes: Uint8Array, at: number): CsvRecord | undefined {
    let start = at;
    for (;;) {
      if (bytes[start] === quote) {
        this.#open = [];
        return this.#continueQuoted(bytes, start + 1);
      }
      const next = bytes.indexOf(this.#delimiter, start);
      if (next === -1) {
        this.#fields.push(bytes.subarray(start, contentEnd(bytes)));
        return this.#complete();
      }
      this.#fields.push(bytes.subarray(start, next));
      start = next + 1;
    }
  }

  /** Reads on inside a quoted field, from `from` on, and then the fields behind it. */
  #continueQuoted(bytes: Uint8Array, from: number): CsvRecord | undefined {
    let start = from;
    for (;;) {
      const close = bytes.indexOf(quote, start);
      if (close === -1) return this.#keepOpen(bytes.subarray(start));
      this.#open!.push(bytes.subarray(start, close));
      if (bytes[close + 1] !== quote) return this.#closeQuoted(bytes, close + 1);
      this.#open!.push(bytes.subarray(close, close + 1));
      start = close + 2;
    }
  }

  /** Ends a quoted field whose closing quote stands right before `at`. */
  #closeQuoted(bytes: Uint8Array, at: number): CsvRecord | undefined {
    this.#fields.push(Buffer.concat(this.#open!));
    this.#open = undefined;
    this.#openBytes = 0;
    if (at >= contentEnd(bytes)) return this.#complete();
    if (bytes[at] === this.#delimiter) return this.#fieldsFrom(bytes, at + 1);
    return this.#flawed("has text behind a closing quote; double the quotes that belong to the text");
  }

  /** A quoted field goes on in the next line. */
  #keepOpen(piece: Uint8Array): CsvRecord | undefined {
    this.#openBytes += piece.length + 1;
    if (this.#openBytes > this.#recordBytesMax) return this.#flawed("opens a quote that is not closed in time");
    this.#open!.push(piece, newline);
    return undefined;
  }

  #complete(): CsvRecord {
    return { line: this.#line, fields: this.#fields };
  }

  #flawed(flaw: string): CsvRecord {
    this.#open = undefined;
    this.#openBytes = 0;
    return { line: this.#line, fields: undefined, flaw };
  }
}

/** Where a line's content ends: before the carriage return of CRLF. */
function contentEnd(bytes: Uint8Array): number {
  return bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
}

function isBlank(bytes: Uint8Array): boolean {
  return contentEnd(bytes) === 0;
}
