import { parseArgs } from "node:util";
import { parseSize } from "@kvts/common";
import type { LoadOrder } from "./dataset/dataset.ts";
import type { Scale } from "./run/task.ts";
import { type PeerName, peerNames } from "./stores/registry.ts";
import { findWorkload, workloads } from "./workloads/catalogue.ts";
import type { Workload } from "./workloads/workload.ts";

export interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly peers: readonly PeerName[];
  readonly runs: number;
  readonly scale: Scale;
  /** A trial run: tiny sizes, and processes shared, since nobody looks at the figures. */
  readonly smoke: boolean;
  readonly json: boolean;
  /** Whether to write the table to docs/. */
  readonly docs: boolean;
  /** Where stores are made; a folder of this one's by default. */
  readonly directory: string | undefined;
}

export const usage = `just bench [options]
  --workloads W1,W3   only these of ${workloads.map(({ id }) => id).join(" ")}
  --peers lmdb,…      only these of ${peerNames.join(" ")}, or none
  --runs 3            take the median of so many runs
  --entries 1000000   versions stored, and --versions 10 of them for each key
  --value-bytes 100
  --order random      or time: version after version
  --seconds 2         measure reads for so long
  --memory 256MiB     each store's budget
  --directory DIR     make the stores there, on the disk to be measured
  --json              print figures for programs, on stdout
  --docs              write the table to docs/performance.md
  --smoke             tiny sizes, to see that everything works
`;

const entriesMax = 100_000_000;
const valueBytesMin = 16;

const defaults = { runs: 3, entries: 1_000_000, versions: 10, seconds: 2 };
const smokeDefaults = { runs: 1, entries: 2_000, versions: 10, seconds: 0.02 };

/** @throws with one sentence where an option is wrong */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: "string" },
      peers: { type: "string" },
      runs: { type: "string" },
      entries: { type: "string" },
      versions: { type: "string" },
      "value-bytes": { type: "string", default: "100" },
      order: { type: "string", default: "random" },
      seconds: { type: "string" },
      memory: { type: "string", default: "256MiB" },
      directory: { type: "string" },
      json: { type: "boolean", default: false },
      docs: { type: "boolean", default: false },
      smoke: { type: "boolean", default: false },
    },
  });
  const given = values.smoke ? smokeDefaults : defaults;
  const entries = integer(values.entries, given.entries, "entries", 1, entriesMax);
  const versions = integer(values.versions, given.versions, "versions", 1, entries);
  return {
    workloads: chosenWorkloads(list(values.workloads)),
    peers: values.peers === "none" ? [] : (list(values.peers)?.map(peerName) ?? peerNames),
    runs: integer(values.runs, given.runs, "runs", 1, 1000),
    scale: {
      dataset: {
        keys: Math.max(2, Math.round(entries / versions)),
        versions,
        valueBytes: integer(values["value-bytes"], 0, "value-bytes", valueBytesMin, 1 << 20),
        order: loadOrder(values.order),
      },
      seconds: number(values.seconds, given.seconds, "seconds"),
      memoryBytes: parseSize(values.memory),
    },
    smoke: values.smoke,
    json: values.json,
    docs: values.docs,
    directory: values.directory,
  };
}

function list(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").map((name) => name.trim());
}

/** In the order in which they run. */
function chosenWorkloads(ids: readonly string[] | undefined): readonly Workload[] {
  const chosen = ids?.map(findWorkload) ?? workloads;
  return workloads.filter((workload) => chosen.includes(workload));
}

function peerName(text: string): PeerName {
  const found = peerNames.find((name) => name === text);
  if (found === undefined) throw new RangeError(`there is no peer ${text}; there are ${peerNames.join(", ")}, or none`);
  return found;
}

function loadOrder(text: string): LoadOrder {
  if (text === "random" || text === "time") return text;
  throw new RangeError(`--order is random or time, not ${text}`);
}

function integer(text: string | undefined, otherwise: number, name: string, least: number, most: number): number {
  const value = number(text, otherwise, name);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} is a whole number from ${least} to ${most}, not ${text}`);
}

function number(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`--${name} is a number above 0, not ${text}`);
}
