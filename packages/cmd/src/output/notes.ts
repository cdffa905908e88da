import { format } from "node:util";

/** Says something beside the output: one line on stderr. */
export function note(message: string): void {
  process.stderr.write(`kvts: ${message}\n`);
}

/** Says something beside the output, as text or, under `--json`, as one object. */
export function noteEither(json: boolean, message: string, object: Readonly<Record<string, unknown>>): void {
  if (json) process.stderr.write(`${JSON.stringify(object)}\n`);
  else note(message);
}

/** `1,234` of `1234`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 version`, `2 versions`. */
export function countOf(count: number, singular: string, plural: string = `${singular}s`): string {
  return format("%s %s", formatCount(count), count === 1 ? singular : plural);
}
