import { absent } from "./absent.ts";
import { asOf } from "./as-of.ts";
import { durablePut } from "./durable-put.ts";
import { halfAbsent } from "./half-absent.ts";
import { history } from "./history.ts";
import { load } from "./load.ts";
import { mixed } from "./mixed.ts";
import { newest } from "./newest.ts";
import { putOne } from "./put-one.ts";
import { reopenClean, reopenKilled } from "./reopen.ts";
import { scan } from "./scan.ts";
import { size } from "./size.ts";
import { underLoad } from "./under-load.ts";
import type { Workload } from "./workload.ts";

/** Every workload, in the order in which they run; the one that loads comes before those that need a loaded store. */
export const workloads: readonly Workload[] = [
  load,
  newest,
  asOf,
  history,
  scan,
  absent,
  reopenClean,
  mixed,
  size,
  putOne,
  durablePut,
  reopenKilled,
  underLoad,
];

/** Those that only growth runs have. */
const growthWorkloads: readonly Workload[] = [halfAbsent];

/** @throws RangeError where there is none of that id */
export function findWorkload(id: string): Workload {
  const found = [...workloads, ...growthWorkloads].find((workload) => workload.id.toLowerCase() === id.toLowerCase());
  if (found === undefined) {
    throw new RangeError(
      `there is no workload ${id}; there are ${workloads.map((workload) => workload.id).join(", ")}`,
    );
  }
  return found;
}
