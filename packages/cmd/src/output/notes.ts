/** Says something beside the output: one line on stderr. */
export function note(message: string): void {
  process.stderr.write(`kvts: ${message}\n`);
}

/** `1,234` of `1234`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 version`, `2 versions`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
