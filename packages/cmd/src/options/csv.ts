import type { Argv } from "yargs";
import { usageError } from "../failure.ts";
import { type TimestampReader, timestampReader } from "../transfer/timestamp-format.ts";

/** How the rows of a CSV file of others become versions. */
export interface CsvOptions {
  readonly keyColumn: string | undefined;
  /** A text with columns in braces: `stock/{symbol}`. */
  readonly keyTemplate: string | undefined;
  readonly timestampColumn: string | undefined;
  readonly readTimestamp: TimestampReader;
  /** The whole row, as JSON, where there is none. */
  readonly valueColumn: string | undefined;
  /** One byte. */
  readonly delimiter: number;
}

type Text = string | undefined;

/** The options as they are declared, by the names that are typed. */
type Declared = { "key-column": Text } & { "key-template": Text } & { "timestamp-column": Text } & {
  "timestamp-format": Text;
} & { "value-column": Text } & { delimiter: Text };

export function withCsv<T>(yargs: Argv<T>): Argv<T & Declared> {
  const text = { type: "string", requiresArg: true } as const;
  return yargs
    .option("key-column", { ...text, describe: "CSV: the column with the key (default: key)" })
    .option("key-template", { ...text, describe: 'CSV: the key from several columns, such as "stock/{symbol}"' })
    .option("timestamp-column", { ...text, describe: "CSV: the column with the timestamp (default: timestamp)" })
    .option("timestamp-format", { ...text, describe: 'CSV: us, ms, s, or a pattern in UTC such as "MMM D YYYY"' })
    .option("value-column", {
      ...text,
      describe: "CSV: the column with the value (default: value, else the whole row)",
    })
    .option("delimiter", { ...text, describe: "CSV: what separates fields (default: a comma; tab for a tab)" });
}

export interface TypedCsvOptions {
  readonly keyColumn: Text;
  readonly keyTemplate: Text;
  readonly timestampColumn: Text;
  readonly timestampFormat: Text;
  readonly valueColumn: Text;
  readonly delimiter: Text;
}

/** @throws CommandError where two contradict each other, or one makes no sense */
export function readCsvOptions(typed: TypedCsvOptions): CsvOptions {
  const { keyColumn, keyTemplate, timestampColumn, timestampFormat, valueColumn, delimiter } = typed;
  if (keyColumn !== undefined && keyTemplate !== undefined) {
    throw usageError("--key-column and --key-template both say what the key is; give one");
  }
  return {
    keyColumn,
    keyTemplate,
    timestampColumn,
    readTimestamp: timestampReader(timestampFormat),
    valueColumn,
    delimiter: delimiterByte(delimiter),
  };
}

/** @throws CommandError where options for CSV were given for a file that is none */
export function refuseCsvOptions(typed: TypedCsvOptions): void {
  const { keyColumn, keyTemplate, timestampColumn, timestampFormat, valueColumn, delimiter } = typed;
  const given = [keyColumn, keyTemplate, timestampColumn, timestampFormat, valueColumn, delimiter];
  if (given.every((option) => option === undefined)) return;
  throw usageError("columns, templates, timestamp formats and delimiters belong to CSV; add --format csv if it is CSV");
}

function delimiterByte(typed: Text = ","): number {
  if (typed === "tab" || typed === "\\t") return 0x09;
  const code = typed.charCodeAt(0);
  if (typed.length !== 1 || code > 0x7f || typed === '"' || typed === "\n" || typed === "\r") {
    throw usageError(`--delimiter must be one ASCII character, or tab, not ${JSON.stringify(typed)}`);
  }
  return code;
}
