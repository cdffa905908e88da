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

/** More columns than any table has; a line of delimiters alone would fill the memory with empty fields. */
export const fieldsMax = 10_000;

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
  /** A quoted field that is still open; `undefined` outside one. */
  #open: QuotedField | undefined;
  /** Bytes of the lines of the open record. */
  #recordBytes = 0;

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
      this.#recordBytes = 0;
      if (bytes !== undefined && isBlank(bytes)) return undefined;
    }
    if (bytes === undefined) return this.#flawed("is longer than any version can be");
    this.#recordBytes += bytes.length + 1;
    if (this.#recordBytes > this.#recordBytesMax) return this.#flawed("opens a quote that is not closed in time");
    return this.#readFields(bytes);
  }

  /** The record that the end of the file leaves open, if any. */
  end(): CsvRecord | undefined {
    if (this.#open === undefined) return undefined;
    return this.#flawed("opens a quote that is never closed: the file was cut short, or a quote is missing");
  }

  /** Reads the fields of a line, the first of them inside quotes where a field is open, to the end of the line. */
  #readFields(bytes: Uint8Array): CsvRecord | undefined {
    for (let at = 0; ; ) {
      if (this.#fields.length === fieldsMax) return this.#flawed(`has more than ${fieldsMax} fields`);
      if (this.#open === undefined && bytes[at] !== quote) {
        const next = bytes.indexOf(this.#delimiter, at);
        this.#fields.push(bytes.subarray(at, next === -1 ? contentEnd(bytes) : next));
        if (next === -1) return this.#complete();
        at = next + 1;
        continue;
      }
      if (this.#open === undefined) {
        this.#open = new QuotedField();
        at++;
      }
      const close = this.#readQuoted(this.#open, bytes, at);
      if (close === -1) return undefined;
      this.#fields.push(this.#open.bytes);
      this.#open = undefined;
      if (close + 1 >= contentEnd(bytes)) return this.#complete();
      if (bytes[close + 1] !== this.#delimiter) {
        return this.#flawed("has text behind a closing quote; double the quotes that belong to the text");
      }
      at = close + 2;
    }
  }

  /** Reads on inside a quoted field. Returns where its closing quote stands; −1 where it goes on in the next line. */
  #readQuoted(field: QuotedField, bytes: Uint8Array, from: number): number {
    for (let start = from; ; ) {
      const close = bytes.indexOf(quote, start);
      if (close === -1) {
        field.add(bytes.subarray(start));
        field.add(newline);
        return -1;
      }
      const isDoubled = bytes[close + 1] === quote;
      // The first of two stands for both.
      field.add(bytes.subarray(start, isDoubled ? close + 1 : close));
      if (!isDoubled) return close;
      start = close + 2;
    }
  }

  #complete(): CsvRecord {
    return { line: this.#line, fields: this.#fields };
  }

  #flawed(flaw: string): CsvRecord {
    this.#open = undefined;
    this.#fields = [];
    return { line: this.#line, fields: undefined, flaw };
  }
}

/** A field being put together. It takes no more than twice its bytes, of however many pieces they come. */
class QuotedField {
  #memory: Uint8Array = new Uint8Array(64);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  add(piece: Uint8Array): void {
    const end = this.#length + piece.length;
    if (end > this.#memory.length) {
      const grown = new Uint8Array(Math.max(end, this.#memory.length * 2));
      grown.set(this.bytes);
      this.#memory = grown;
    }
    this.#memory.set(piece, this.#length);
    this.#length = end;
  }
}

/** Where a line's content ends: before the carriage return of CRLF. */
function contentEnd(bytes: Uint8Array): number {
  return bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
}

function isBlank(bytes: Uint8Array): boolean {
  return contentEnd(bytes) === 0;
}
