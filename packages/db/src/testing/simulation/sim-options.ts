import { parseArgs } from "node:util";

export const USAGE = `just sim SEED               replays one life, and prints the hash of its trace
just sim --seeds N          as many lives, with seeds from 1 on, or from --from
just sim --minutes N        lives with fresh seeds, until the time is over
  --from N                  the first seed
  --stop                    ends at the first failure
  --trace                   prints every call to the disk and its answer
`;

export interface SimOptions {
  readonly from: number;
  /** Seeds to run at most; undefined for as many as the time allows. */
  readonly seeds: number | undefined;
  readonly minutes: number | undefined;
  readonly stop: boolean;
  readonly trace: boolean;
}

/** @param freshSeed where a run goes on from that is told none. @throws with one sentence, where something is not understood. */
export function parseSimOptions(args: readonly string[], freshSeed: () => number): SimOptions | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      stop: { type: "boolean", default: false },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const { stop, trace } = values;
  const from = values.from === undefined ? undefined : whole(values.from, "--from");
  const seeds = values.seeds === undefined ? undefined : whole(values.seeds, "--seeds");
  const minutes = values.minutes === undefined ? undefined : positive(values.minutes, "--minutes");
  if (positionals.length === 0) {
    const isOpenEnded = minutes !== undefined && seeds === undefined;
    return {
      from: from ?? (isOpenEnded ? freshSeed() : 1),
      seeds: seeds ?? (isOpenEnded ? undefined : 100),
      minutes,
      stop,
      trace,
    };
  }
  const [seed, ...more] = positionals;
  if (more.length > 0 || from !== undefined || seeds !== undefined || minutes !== undefined) {
    throw new RangeError("one seed is replayed alone, with nothing but --trace");
  }
  return { from: whole(seed!, "a seed"), seeds: 1, minutes, stop: true, trace };
}

function whole(text: string, name: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw new RangeError(`${name} is a whole number below 2^32, not ${text}`);
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`${name} is a number above 0, not ${text}`);
}
