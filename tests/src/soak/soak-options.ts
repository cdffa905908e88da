import { parseArgs } from "node:util";

export const USAGE = `just soak                   loads a store on this disk for two hours, and kills it again and again
  --minutes N               how long; 120 unless given
  --disk-mib N              how large the store may grow before it is checked, removed and begun anew; 2048 unless given
  --directory PATH          where; a new temporary directory unless given
  --seed N                  what is written
  --json                    prints the report as JSON
`;

export interface SoakOptions {
  readonly minutes: number;
  readonly diskBytesMax: number;
  readonly directory: string | undefined;
  readonly seed: number;
  readonly json: boolean;
}

/** @throws with one sentence, where something is not understood. */
export function parseSoakOptions(args: readonly string[]): SoakOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "120" },
      "disk-mib": { type: "string", default: "2048" },
      directory: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  return {
    minutes: above0(values.minutes, "minutes"),
    diskBytesMax: above0(values["disk-mib"], "disk-mib") * 1024 * 1024,
    directory: values.directory,
    seed: Math.floor(above0(values.seed, "seed")) % 2 ** 31,
    json: values.json,
  };
}

function above0(text: string, name: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`--${name} is a number above 0, not ${text}`);
}
