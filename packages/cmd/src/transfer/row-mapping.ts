import { invalidArgument, shown } from "@kvts/common";
import { usageError } from "../failure.ts";
import type { CsvOptions } from "../options/csv.ts";
import { exportedColumns } from "./csv-columns.ts";

/** Turns a row's fields into a version object. @throws INVALID_ARGUMENT with what is wrong with the row */
export type RowMapping = (row: readonly string[]) => Readonly<Record<string, unknown>>;

/** The mapping for a file with these columns. @throws CommandError where the options do not fit them */
export function rowMapping(columns: readonly string[], options: CsvOptions): RowMapping {
  const doubled = columns.find((name, at) => columns.indexOf(name) !== at);
  if (doubled !== undefined) throw usageError(`the header names the column ${shown(doubled)} twice; rename one`);
  const { keyColumn, keyTemplate, timestampColumn, valueColumn } = options;
  const foreign = [keyColumn, keyTemplate, timestampColumn, valueColumn].some((option) => option !== undefined);
  const exported = exportedColumns.every((name) => columns.includes(name));
  return exported && !foreign ? exportedMapping(columns) : foreignMapping(columns, options);
}

/** Rows as `kvts export` writes them: absent fields are empty, and so may be the value itself. */
function exportedMapping(columns: readonly string[]): RowMapping {
  const at = new Map(columns.map((name, index) => [name, index]));
  return (row) => {
    const field = (name: string): string => row[at.get(name)!]!;
    const json: Record<string, unknown> = {};
    if (field("keyBase64") === "") json.key = field("key");
    else json.keyBase64 = field("keyBase64");
    for (const name of ["timestamp", "seq", "expiresAt"]) {
      if (field(name) !== "") json[name] = wholeNumber(name, field(name));
    }
    if (field("deleted") === "true") json.deleted = true;
    else if (field("valueBase64") === "") json.value = field("value");
    else json.valueBase64 = field("valueBase64");
    return json;
  };
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw invalidArgument(`${name} must be a whole number, not ${shown(text)}`);
  return Number(text);
}

/** Rows of a table that was made elsewhere. */
function foreignMapping(columns: readonly string[], options: CsvOptions): RowMapping {
  const key = keyReader(columns, options);
  const timestamp = timestampReader(columns, options);
  const value = valueReader(columns, options);
  return (row) => {
    const micros = timestamp(row);
    return { key: key(row), ...(micros === undefined ? {} : { timestamp: micros }), value: value(row) };
  };
}

type TextReader = (row: readonly string[]) => string;

function keyReader(columns: readonly string[], { keyColumn, keyTemplate }: CsvOptions): TextReader {
  if (keyTemplate !== undefined) return templateReader(columns, keyTemplate);
  if (keyColumn === undefined && !columns.includes("key")) {
    throw usageError(
      `the file has no column key; name one with --key-column, or build the key with --key-template; ${theColumns(columns)}`,
    );
  }
  return columnReader(columns, keyColumn ?? "key", "--key-column");
}

function templateReader(columns: readonly string[], template: string): TextReader {
  // Split at a group, every second piece is a column's name.
  const pieces = template.split(/\{([^{}]*)\}/);
  if (pieces.length === 1) throw usageError(`--key-template names no column in braces; ${theColumns(columns)}`);
  const makers = pieces.map((piece, at): TextReader => {
    return at % 2 === 0 ? () => piece : columnReader(columns, piece, "--key-template");
  });
  return (row) => makers.map((make) => make(row)).join("");
}

function timestampReader(
  columns: readonly string[],
  { timestampColumn, readTimestamp }: CsvOptions,
): (row: readonly string[]) => number | undefined {
  if (timestampColumn === undefined && !columns.includes("timestamp")) return () => undefined;
  const text = columnReader(columns, timestampColumn ?? "timestamp", "--timestamp-column");
  return (row) => (text(row) === "" ? undefined : readTimestamp(text(row)));
}

function valueReader(columns: readonly string[], { valueColumn }: CsvOptions): TextReader {
  if (valueColumn !== undefined || columns.includes("value")) {
    return columnReader(columns, valueColumn ?? "value", "--value-column");
  }
  return (row) => JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, row[at]])));
}

function columnReader(columns: readonly string[], name: string, option: string): TextReader {
  const at = columns.indexOf(name);
  if (at === -1) throw usageError(`${option}: the file has no column ${shown(name)}; ${theColumns(columns)}`);
  return (row) => row[at]!;
}

/** Columns that a message names. */
const columnsShownMax = 20;

function theColumns(columns: readonly string[]): string {
  const names = columns
    .slice(0, columnsShownMax)
    .map((name) => (/^[\p{L}\p{N} _./-]{1,60}$/u.test(name) ? name : shown(name)));
  const more = columns.length - names.length;
  return `its columns are ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
