import { parseArgs } from "node:util";
import { formatSize, parseSize } from "@kvts/common";
import { integer, list, number, peerList } from "../arguments.ts";
import { entriesMax } from "../options.ts";
import type { PeerName } from "../stores/registry.ts";
import type { Axis, Series } from "./series.ts";
import { type Shape, shapesOf } from "./shapes.ts";

export interface GrowthOptions {
  /** Where to measure, by axis; none of an axis leaves it out. */
  readonly steps: Readonly<Record<Axis, readonly number[]>>;
  readonly series: Readonly<Record<Axis, readonly Series[]>>;
  /** Entries while versions grow. */
  readonly entriesAtVersions: number;
  /** The shapes to be measured; none where they are left out. */
  readonly shapes: readonly Shape[];
  readonly runs: number;
  readonly seconds: number;
  readonly json: boolean;
  readonly docs: string | undefined;
  readonly directory: string | undefined;
}

export const growthUsage = `just bench-growth [options]
  --entries 1000000,5000000,20000000   versions stored, ten for each key; or none
  --versions 1,10,100,1000,10000       for each key, at --at entries; or none
  --at 1000000
  --shapes 1000000                     entries of each of many shapes of data; or none
  --memory 256MiB,1GiB                 budgets to compare while entries grow
  --peers none                         other stores to measure too, with the first budget
  --runs 1                             take the median of so many runs
  --seconds 2                          measure reads for so long
  --directory DIR                      make the stores there, on the disk to be measured
  --json                               print figures for programs, on stdout
  --docs docs                          write tables and plots there
`;

const runsMax = 1000;

/** @throws with one sentence where an option is wrong */
export function parseGrowthOptions(args: readonly string[]): GrowthOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      entries: { type: "string", default: "1000000,5000000,20000000" },
      versions: { type: "string", default: "1,10,100,1000,10000" },
      at: { type: "string", default: "1000000" },
      shapes: { type: "string", default: "1000000" },
      memory: { type: "string", default: "256MiB,1GiB" },
      peers: { type: "string", default: "none" },
      runs: { type: "string", default: "1" },
      seconds: { type: "string", default: "2" },
      directory: { type: "string" },
      json: { type: "boolean", default: false },
      docs: { type: "string" },
    },
  });
  const entriesAtVersions = integer(values.at, "at", 1, entriesMax);
  const budgets = list(values.memory).map(parseSize);
  const peers = peerList(values.peers);
  return {
    steps: {
      entries: stepList(values.entries, "entries", entriesMax),
      versions: stepList(values.versions, "versions", entriesAtVersions),
    },
    series: { entries: seriesOfEntries(budgets, peers), versions: seriesOfVersions(budgets[0]!, peers) },
    entriesAtVersions,
    shapes: values.shapes === "none" ? [] : shapesOf(integer(values.shapes, "shapes", 2, entriesMax), budgets[0]!),
    runs: integer(values.runs, "runs", 1, runsMax),
    seconds: number(values.seconds, "seconds"),
    json: values.json,
    docs: values.docs,
    directory: values.directory,
  };
}

function stepList(text: string, name: string, most: number): readonly number[] {
  return text === "none" ? [] : list(text).map((step) => integer(step, name, 1, most));
}

/** kvts with every budget, for how it holds when not everything fits any more. */
function seriesOfEntries(budgets: readonly number[], peers: readonly PeerName[]): readonly Series[] {
  const own = budgets.map((memoryBytes): Series => {
    return { name: `kvts, ${formatSize(memoryBytes)}`, contender: "kvts", memoryBytes, order: "random" };
  });
  return [...own, ...seriesOfPeers(budgets[0]!, peers)];
}

/** kvts in both orders, for what versions that come late cost. */
function seriesOfVersions(memoryBytes: number, peers: readonly PeerName[]): readonly Series[] {
  const own = (["random", "time"] as const).map((order): Series => {
    return { name: `kvts, ${order} order`, contender: "kvts", memoryBytes, order };
  });
  return [...own, ...seriesOfPeers(memoryBytes, peers)];
}

function seriesOfPeers(memoryBytes: number, peers: readonly PeerName[]): readonly Series[] {
  return peers.map((peer) => ({ name: peer, contender: peer, memoryBytes, order: "random" }));
}
