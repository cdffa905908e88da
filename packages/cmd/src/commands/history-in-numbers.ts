import { type Bucket, bucketToJson, formatTime, type Key, parseStep, type Reader } from "@kvts/common";
import { notFound, usageError } from "../failure.ts";
import { named } from "../options/times.ts";
import { type PlotPoint, plotColumnsMin, plotLines, plotRowsMin } from "../output/plot.ts";
import { printList } from "../output/print-list.ts";
import { print } from "../output/sink.ts";

/** What is told of each step: the names of a bucket's figures. */
export const figures = ["count", "first", "last", "min", "max", "mean"] as const;
export type Figure = (typeof figures)[number];

export interface NumbersAsked {
  readonly key: string | Uint8Array;
  /** How messages call the key. */
  readonly name: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly limit: number | undefined;
  /** Microseconds; a plot chooses for itself where there is none. */
  readonly step: number | undefined;
  /** All where there is none; a plot draws the mean. */
  readonly figure: Figure | undefined;
  readonly json: boolean;
}

/** Microseconds of a step that was typed. */
export function readStep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return named("--step", () => parseStep(/^\d{1,16}$/.test(text) ? Number(text) : text));
}

/** Lists the numbers of each step of time. */
export async function printNumbers(store: Reader<Key>, asked: NumbersAsked & { readonly step: number }): Promise<void> {
  const { key, step, from, to, limit, figure, json } = asked;
  await printList(
    ({ signal }) => store.aggregate(key, { step, from, to, limit, signal }),
    json ? (bucket) => jsonLine(bucket, figure) : (bucket) => plainLine(bucket, figure),
  );
}

function jsonLine(bucket: Bucket, figure: Figure | undefined): string {
  const all = bucketToJson(bucket);
  if (figure === undefined) return JSON.stringify(all);
  return JSON.stringify({ timestamp: all.timestamp, time: all.time, [figure]: all[figure] });
}

function plainLine(bucket: Bucket, figure: Figure | undefined): string {
  const time = formatTime(bucket.timestamp);
  if (figure !== undefined) return `${time}\t${bucket[figure]}`;
  return `${time}\t${figures.map((name) => `${name} ${bucket[name]}`).join("\t")}`;
}

/** Draws the numbers in the terminal's size, or where the output is none, in 80 by 20 characters. */
export async function plotNumbers(store: Reader<Key>, asked: NumbersAsked): Promise<void> {
  const { key, name, limit, figure = "mean" } = asked;
  const nothing = notFound(`${name} has no numbers in this time; \`kvts history\` lists its versions`);
  const ends = await endsOf(store, asked);
  if (ends === undefined) throw nothing;
  const columns = Math.max(plotColumnsMin, process.stdout.columns ?? 80);
  const rows = Math.max(plotRowsMin, Math.min((process.stdout.rows ?? 21) - 1, columns));
  // A step for each dot that there could be.
  const step = asked.step ?? Math.max(1, Math.ceil((ends.to - ends.from) / (columns * 2)));
  const points: PlotPoint[] = [];
  for await (const bucket of store.aggregate(key, { step, ...ends, limit })) {
    points.push({ timestamp: Math.max(bucket.timestamp, ends.from), value: bucket[figure] });
  }
  if (points.length === 0) throw nothing;
  await print(`${plotLines(points, { ...ends, columns, rows }).join("\n")}\n`);
}

/** The moments to plot between: those asked for, else the key's first and last. */
async function endsOf(
  store: Reader<Key>,
  { key, from, to }: NumbersAsked,
): Promise<{ readonly from: number; readonly to: number } | undefined> {
  if (from !== undefined && to !== undefined && from > to) throw usageError("--from must not be later than --to");
  const [first] = await store.history(key, { from, to, limit: 1, reverse: true }).toArray();
  const [last] = await store.history(key, { from, to, limit: 1 }).toArray();
  if (first === undefined || last === undefined) return undefined;
  return { from: from ?? first.timestamp, to: to ?? last.timestamp };
}
