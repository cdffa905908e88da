import { formatSize } from "@kvts/common";
import type { MultiBar, SingleBar } from "cli-progress";
import { formatCount } from "./notes.ts";

/** A line at the bottom of the terminal that tells how far a command is; elsewhere it is not shown. */
export interface Progress extends Disposable {
  /**
   * @param done in the unit of the total
   * @param versions how many versions that made
   */
  update(done: number, versions: number): void;
  /** Says something on stderr, above the line. */
  say(line: string): void;
}

const withTotal = "{bar} {percentage} %  {count} versions  {eta_formatted} left";
const withoutTotal = "{count} versions  {duration_formatted}";

/** The same of a command that reads files; what there is to read shows as it begins. */
export interface Reading extends Disposable {
  /** Bytes, and the name of the file that is being read. */
  update(done: number, total: number, file: string): void;
}

const readingFormat = "{bar} {percentage} %  {file}  {eta_formatted} left";

export async function showReading(): Promise<Reading> {
  if (!process.stderr.isTTY) return { update() {}, [Symbol.dispose]() {} };
  const bars = await startBars(readingFormat);
  let bar: SingleBar | undefined;
  return {
    update(done, total, file) {
      bar ??= bars.create(total, 0, { file });
      bar.update(done, { file });
    },
    [Symbol.dispose]: () => bars.stop(),
  };
}

/** Bytes that come, of which nobody knows how many there are. */
export interface Receiving extends Disposable {
  update(bytes: number): void;
}

export async function showReceiving(): Promise<Receiving> {
  if (!process.stderr.isTTY) return { update() {}, [Symbol.dispose]() {} };
  const bars = await startBars("{size}  {duration_formatted}");
  const bar = bars.create(0, 0, { size: formatSize(0) });
  return {
    update: (bytes) => bar.update(bytes, { size: formatSize(bytes) }),
    [Symbol.dispose]: () => bars.stop(),
  };
}

/** @param total what 100 % is; `undefined` where that cannot be known */
export async function showProgress(total: number | undefined): Promise<Progress> {
  if (!process.stderr.isTTY) return quietProgress;
  const bars = await startBars(total === undefined ? withoutTotal : withTotal);
  const bar: SingleBar = bars.create(total ?? 0, 0, { count: "0" });
  return {
    update: (done, versions) => bar.update(done, { count: formatCount(versions) }),
    say: (line) => bars.log(`${line}\n`),
    [Symbol.dispose]() {
      if (!bars.isActive) return;
      // What was said is shown with the next update, and stopping makes none.
      bars.update();
      bars.stop();
    },
  };
}

async function startBars(format: string): Promise<MultiBar> {
  // Only a terminal needs it, and most commands show nothing.
  const { MultiBar } = await import("cli-progress");
  // Ctrl-C is the command's own business.
  return new MultiBar({ format, stream: process.stderr, clearOnComplete: true, gracefulExit: false });
}

const quietProgress: Progress = {
  update() {},
  say: (line) => {
    process.stderr.write(`${line}\n`);
  },
  [Symbol.dispose]() {},
};
