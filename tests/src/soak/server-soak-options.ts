import { parseArgs } from "node:util";

export const USAGE = `just soak-server            loads a server for an hour over both faces, with clients of ours and foreign ones, and attacks it
                          meanwhile in every way that it knows; its disk fills now and then, where one may be mounted
  --minutes N               how long; 60 unless given
  --pause-ms N              what each of the four writers waits after a write; 50 unless given
  --disk-mib N              how large its disk is; 2048 unless given
  --seed N                  what is written, and in which order attacks come
  --json                    prints the report as JSON
`;

export interface ServerSoakOptions {
  readonly minutes: number;
  readonly pauseMs: number;
  readonly diskBytes: number;
  readonly seed: number;
  readonly json: boolean;
}

/** @throws with one sentence, where something is not understood. */
export function parseServerSoakOptions(args: readonly string[]): ServerSoakOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "60" },
      "pause-ms": { type: "string", default: "50" },
      "disk-mib": { type: "string", default: "2048" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  return {
    minutes: above0(values.minutes, "minutes"),
    pauseMs: above0(values["pause-ms"], "pause-ms"),
    diskBytes: above0(values["disk-mib"], "disk-mib") * 1024 * 1024,
    seed: Math.floor(above0(values.seed, "seed")) % 2 ** 31,
    json: values.json,
  };
}

function above0(text: string, name: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`--${name} is a number above 0, not ${text}`);
}
