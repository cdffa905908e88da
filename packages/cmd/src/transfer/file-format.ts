/** The forms in which versions travel in files. */
export type FileFormat = "ndjson" | "csv";

export const fileFormats: readonly FileFormat[] = ["ndjson", "csv"];

/** The format that a file's name promises. */
export function formatOf(path: string | undefined): FileFormat {
  return path?.toLowerCase().endsWith(".csv") === true ? "csv" : "ndjson";
}
