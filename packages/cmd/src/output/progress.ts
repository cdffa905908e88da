import { MultiBar, type SingleBar } from "cli-progress";
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

/** @param total what 100 % is; `undefined` where that cannot be known */
export function showProgress(total: number | undefined): Progress {
  if (!process.stderr.isTTY) return quietProgress;
  const bars = new MultiBar({
    format: total === undefined ? withoutTotal : withTotal,
    stream: process.stderr,
    clearOnComplete: true,
    // Ctrl-C is the command's own business.
    gracefulExit: false,
  });
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

const quietProgress: Progress = {
  update() {},
  say: (line) => {
    process.stderr.write(`${line}\n`);
  },
  [Symbol.dispose]() {},
};
