import { limits, textOf } from "@kvts/common";
import { failed } from "../failure.ts";
import type { CsvOptions } from "../options/csv.ts";
import { type CsvRecord, CsvRecords } from "./csv-records.ts";
import type { ImportItem } from "./item.ts";
import { readLines } from "./lines.ts";
import { badLine, itemFromVersion } from "./parsed-operation.ts";
import { type RowMapping, rowMapping } from "./row-mapping.ts";

/** A version at its limits in CSV: every byte a doubled quote, and room for the other fields. */
const recordBytesMax = 2 * (limits.valueBytesMax + limits.keyBytesMax) + 64 * 1024;

/** Reads CSV with a header row. @throws CommandError where the header does not fit the options */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>, options: CsvOptions): AsyncGenerator<ImportItem[]> {
  const records = new CsvRecords(options.delimiter, recordBytesMax);
  const table = new CsvTable(options);
  for await (const lines of readLines(chunks, recordBytesMax)) {
    const items: ImportItem[] = [];
    for (const line of lines) {
      const record = records.add(line);
      const item = record === undefined ? undefined : table.itemOf(record);
      if (item !== undefined) items.push(item);
    }
    yield items;
  }
  const open = records.end();
  const last = open === undefined ? undefined : table.itemOf(open);
  yield last === undefined ? [] : [last];
}

/** The records of a file, the first of them being the header. */
class CsvTable {
  readonly #options: CsvOptions;
  #header: Header | undefined;

  constructor(options: CsvOptions) {
    this.#options = options;
  }

  /** The version of a row; nothing for the header. */
  itemOf({ line, fields, flaw }: CsvRecord): ImportItem | undefined {
    const row = fields?.map(textOf);
    const problem = flaw ?? (row!.includes(undefined) ? "is not UTF-8" : undefined);
    if (this.#header === undefined) {
      if (problem !== undefined) throw failed(`the header, line ${line}, ${problem}`);
      this.#header = { width: row!.length, mapping: rowMapping(row as string[], this.#options) };
      return undefined;
    }
    if (problem !== undefined) return { line, code: "INVALID_ARGUMENT", reason: problem };
    return itemOfRow(line, row as string[], this.#header);
  }
}

/** What the header settles for the rows behind it. */
interface Header {
  readonly width: number;
  readonly mapping: RowMapping;
}

function itemOfRow(line: number, row: readonly string[], { width, mapping }: Header): ImportItem {
  if (row.length !== width) {
    const reason = `has ${row.length} fields where the header has ${width}`;
    return { line, code: "INVALID_ARGUMENT", reason };
  }
  try {
    return itemFromVersion(line, mapping(row));
  } catch (error) {
    return badLine(line, error);
  }
}
