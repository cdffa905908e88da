import { parseArgs } from "node:util";
import { parseSize } from "@kvts/common";
import { integer, list, number, peerList } from "./arguments.ts";
import { type LoadOrder, loadOrders } from "./dataset/dataset.ts";
import { tagBytes } from "./dataset/value.ts";
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
  /** The folder of `performance.md`, to write the table and the plot to. */
  readonly docs: string | undefined;
  /** Where stores are made; a folder beside the sources unless given. */
  readonly directory: string | undefined;
}

export const usage = `just bench [options]
  --workloads W1,W3   only these of ${workloads.map(({ id }) => id).join(" ")}
  --peers lmdb,…      only these of ${peerNames.join(" ")}, or none
  --runs 3            take the median of so many runs
  --entries 1000000   versions stored
  --versions 10       of them for each key
  --value-bytes 100
  --order random      or time: version after version; late: so, with a tenth from anywhere; keys: key after key
  --seconds 2         measure reads for so long
  --memory 256MiB     each store's budget
  --directory DIR     make the stores there, on the disk to be measured
  --json              print figures for programs, on stdout
  --docs docs         write the table and a plot there
  --smoke             tiny sizes, to see that everything works
`;

export const entriesMax = 100_000_000;
/** The tag by which answers are checked. */
const valueBytesMin = tagBytes;
const valueBytesMax = 1 << 20;
const runsMax = 1000;

const defaults = { runs: "3", entries: "1000000", seconds: "2" };
const smokeDefaults = { runs: "1", entries: "2000", seconds: "0.02" };

/** @throws with one sentence where an option is wrong */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: "string", default: workloads.map(({ id }) => id).join() },
      peers: { type: "string", default: peerNames.join() },
      runs: { type: "string" },
      entries: { type: "string" },
      versions: { type: "string", default: "10" },
      "value-bytes": { type: "string", default: "100" },
      order: { type: "string", default: "random" },
      seconds: { type: "string" },
      memory: { type: "string", default: "256MiB" },
      directory: { type: "string" },
      json: { type: "boolean", default: false },
      docs: { type: "string" },
      smoke: { type: "boolean", default: false },
    },
  });
  const { runs, entries, seconds } = { ...(values.smoke ? smokeDefaults : defaults), ...values };
  const versions = integer(values.versions, "versions", 1, integer(entries, "entries", 1, entriesMax));
  const chosen = list(values.workloads).map(findWorkload);
  return {
    workloads: workloads.filter((workload) => chosen.includes(workload)),
    peers: peerList(values.peers),
    runs: integer(runs, "runs", 1, runsMax),
    scale: {
      dataset: {
        keys: keysFor(Number(entries), versions),
        versions,
        valueBytes: integer(values["value-bytes"], "value-bytes", valueBytesMin, valueBytesMax),
        order: loadOrder(values.order),
      },
      seconds: number(seconds, "seconds"),
      memoryBytes: parseSize(values.memory),
    },
    smoke: values.smoke,
    json: values.json,
    docs: values.docs,
    directory: values.directory,
  };
}

/** Two at least, since a scan goes from one to another. */
export function keysFor(entries: number, versions: number): number {
  return Math.max(2, Math.round(entries / versions));
}

function loadOrder(text: string): LoadOrder {
  const order = loadOrders.find((one) => one === text);
  if (order === undefined) throw new RangeError(`--order is one of ${loadOrders.join(", ")}, not ${text}`);
  return order;
}
