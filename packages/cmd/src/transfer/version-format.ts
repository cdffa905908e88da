import { type Key, type Version, type VersionJson, versionToJson } from "@kvts/common";
import { exportedColumns } from "./csv-columns.ts";
import type { FileFormat } from "./file-format.ts";

/** How versions are written to a file: lines without their newlines. */
export interface VersionFormat {
  readonly head: readonly string[];
  line(version: Version<Key>): string;
  /** The last lines of a complete file. */
  tail(versions: number): readonly string[];
  /** The last lines of a file that could not be completed. */
  broken(code: string, message: string): readonly string[];
}

/** A version object a line. The last line counts them, or tells why there are no more. */
const ndjson: VersionFormat = {
  head: [],
  line: (version) => JSON.stringify(versionToJson(version)),
  tail: (versions) => [JSON.stringify({ end: { versions } })],
  broken: (code, message) => [JSON.stringify({ error: { code, message } })],
};

/** The fields of the version object as columns. Nothing in the format marks the end. */
const csv: VersionFormat = {
  head: [exportedColumns.join(",")],
  line: (version) => csvLine(versionToJson(version)),
  tail: () => [],
  broken: () => [],
};

export const versionFormats: Readonly<Record<FileFormat, VersionFormat>> = { ndjson, csv };

function csvLine(json: VersionJson): string {
  return exportedColumns.map((name) => csvField(String(json[name] ?? ""))).join(",");
}

/** Quoted where it must be, and where spaces at its ends could be taken for decoration. */
function csvField(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
