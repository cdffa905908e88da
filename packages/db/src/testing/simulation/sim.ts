import { ACTIVITIES, type Activity } from "./activity.ts";
import { Life, SimulationError } from "./life.ts";
import { parseSimOptions, type SimOptions, USAGE } from "./sim-options.ts";
import { Trace } from "./trace.ts";

/** Milliseconds between two lines that tell how far it is. */
const PROGRESS_MS = 30_000;

/** The program behind `just sim`. */
async function main(): Promise<void> {
  const options = parseSimOptions(process.argv.slice(2), () => Math.floor(Math.random() * 2 ** 31));
  if (options === "help") {
    console.log(USAGE);
    return;
  }
  process.exitCode = (await simulate(options)) > 0 ? 1 : 0;
}

/** Runs the lives that were asked for; returns how many have failed. */
async function simulate(options: SimOptions): Promise<number> {
  const { from, seeds = Number.POSITIVE_INFINITY, minutes = Number.POSITIVE_INFINITY, stop } = options;
  const startedMs = performance.now();
  const cuts = new Map<Activity, number>(ACTIVITIES.map((activity) => [activity, 0]));
  const failed: number[] = [];
  let lives = 0;
  for (let toldMs = startedMs; lives < seeds && performance.now() - startedMs < minutes * 60_000; lives++) {
    const seed = (from + lives) % 2 ** 32;
    if (!(await live(seed, options, cuts))) failed.push(seed);
    if (stop && failed.length > 0) break;
    if (performance.now() - toldMs < PROGRESS_MS) continue;
    toldMs = performance.now();
    console.log(`${lives + 1} lives, the last with seed ${seed}, ${failed.length} failed`);
  }
  if (seeds > 1) {
    const seconds = (performance.now() - startedMs) / 1000;
    const cutText = [...cuts].map(([activity, count]) => `${activity} ${count}`).join(", ");
    console.log(
      `${lives} lives from seed ${from} in ${seconds.toFixed(1)} s, ${failed.length} failed ${failed.join(" ")}`,
    );
    console.log(`cut short in: ${cutText}`);
  }
  return failed.length;
}

/** False where it has failed, which is told. */
async function live(seed: number, { seeds, trace: prints }: SimOptions, cuts: Map<Activity, number>): Promise<boolean> {
  const trace = new Trace(prints ? (line) => console.log(line) : undefined);
  // A rejection that nobody awaits is a failure of the life that it belongs to.
  const stray = (error: unknown): void => {
    console.error(new SimulationError(seed, ["a promise that nobody waits for"], error));
    process.exit(1);
  };
  process.on("unhandledRejection", stray);
  try {
    const report = await new Life(seed, trace).run();
    for (const activity of report.cuts) cuts.set(activity, cuts.get(activity)! + 1);
    if (seeds === 1) console.log(`seed ${seed}: ${report.steps} steps, ${trace.count} calls, trace ${trace.digest}`);
    return true;
  } catch (error) {
    console.error(error instanceof SimulationError ? error.message : error);
    if (seeds === 1) console.error((error as Error).cause, `\ntrace ${trace.digest}`);
    return false;
  } finally {
    process.off("unhandledRejection", stray);
  }
}

await main();
