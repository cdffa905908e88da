import type { FeedItem } from "@kvts/db";

/** A heading above what one chapter prints. */
export function chapter(title: string): void {
  console.log(`\n${title}\n${"─".repeat(title.length)}`);
}

/** Cells in columns: the first to the left, the others, which are numbers or empty, to the right. */
export function row(name: string, ...cells: readonly (string | undefined)[]): void {
  console.log(`  ${name.padEnd(10)}${cells.map((cell) => (cell ?? "").padStart(18)).join("")}`.trimEnd());
}

/** The day of a timestamp in microseconds; what the store has dated itself is of today. */
export function day(timestamp: number): string {
  const isToday = timestamp > Date.UTC(2020, 0) * 1000;
  return isToday ? "today" : new Date(timestamp / 1000).toISOString().slice(0, 10);
}

/** What a watch says of one operation. */
export function describe(item: FeedItem): string {
  if (item.op === "deleteRange") return `a range is deleted from ${day(item.timestamp)} on`;
  if (item.op === "restored") return `a range looks as it did at ${day(item.to)}, from ${day(item.timestamp)} on`;
  if (item.op !== undefined) return `${item.key}: what was written at ${day(item.timestamp)} is taken back`;
  return `${item.key} ${item.deleted ? "is deleted" : `= ${item.text()}`} from ${day(item.timestamp)} on`;
}

const bars = "▁▂▃▄▅▆▇█";

/** One bar a number, the least the lowest and the greatest the highest. */
export function sparkline(numbers: readonly number[]): string {
  const least = Math.min(...numbers);
  const height = Math.max(...numbers) - least || 1;
  return numbers.map((number) => bars[Math.round(((number - least) / height) * (bars.length - 1))]).join("");
}
