import { parseArgs } from "node:util";
import { integer, list, number } from "../arguments.ts";
import { tagBytes } from "../dataset/value.ts";
import type { Contender } from "./contender.ts";
import { etcd } from "./etcd.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";

const peers: readonly Contender[] = [redis, etcd, postgres];

export interface ServerBenchOptions {
  readonly peers: readonly Contender[];
  /** Whether kvts is measured with load generators of other makers, too. */
  readonly foreign: boolean;
  readonly keys: number;
  readonly versions: number;
  readonly valueBytes: number;
  readonly runs: number;
  readonly seconds: number;
  readonly json: boolean;
  readonly docs: string | undefined;
  readonly directory: string | undefined;
}

export const serverUsage = `just bench-server [options]
  --peers redis,etcd,postgres   other servers to start beside kvts, or none
  --foreign false               leave out h2load and wrk
  --keys 10000                  with
  --versions 10                 of
  --value-bytes 100             each
  --runs 3                      take the median of so many runs
  --seconds 3                   measure each workload for so long
  --directory DIR               make the stores there, on the disk to be measured
  --json                        print figures for programs, on stdout
  --docs docs                   write the table there
`;

const countMax = 10_000_000;

/** @throws with one sentence where an option is wrong */
export function parseServerOptions(args: readonly string[]): ServerBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: "string", default: peers.map(({ name }) => name).join() },
      foreign: { type: "string", default: "true" },
      keys: { type: "string", default: "10000" },
      versions: { type: "string", default: "10" },
      "value-bytes": { type: "string", default: "100" },
      runs: { type: "string", default: "3" },
      seconds: { type: "string", default: "3" },
      directory: { type: "string" },
      json: { type: "boolean", default: false },
      docs: { type: "string" },
    },
  });
  return {
    peers: values.peers === "none" ? [] : list(values.peers).map(peerNamed),
    foreign: values.foreign !== "false",
    keys: integer(values.keys, "keys", 1, countMax),
    versions: integer(values.versions, "versions", 1, countMax),
    valueBytes: integer(values["value-bytes"], "value-bytes", tagBytes, 127),
    runs: integer(values.runs, "runs", 1, 1000),
    seconds: number(values.seconds, "seconds"),
    json: values.json,
    docs: values.docs,
    directory: values.directory,
  };
}

function peerNamed(name: string): Contender {
  const found = peers.find((peer) => peer.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`there is no server ${name}; there are ${peers.map((peer) => peer.name).join(", ")}, or none`);
}
