import type { ContenderName, PeerName } from "../stores/registry.ts";
import { workloads } from "../workloads/catalogue.ts";
import type { Workload } from "../workloads/workload.ts";

/** Workloads that share a process, and the stores that run them, one after the other. */
export interface Group {
  readonly workloads: readonly Workload[];
  readonly order: readonly ContenderName[];
  /** Only what it leaves behind is needed, so the first run is enough. */
  readonly once: boolean;
}

/**
 * What a run does, in order. Each workload has a process of its own, so that neither heaps nor compiled code are shared,
 * and kvts is measured again before every peer, so that both see the machine alike. A load that others need comes before
 * them, asked for or not.
 */
export function planGroups(wanted: readonly Workload[], peers: readonly PeerName[]): readonly Group[] {
  return withLoad(wanted).map((workload) => {
    const isWanted = wanted.includes(workload);
    return { workloads: [workload], order: isWanted ? alternating(peers) : together(peers), once: !isWanted };
  });
}

/** The same for a trial run, in which figures do not count: every store once, all that can share a process in one. */
export function planTrial(wanted: readonly Workload[], peers: readonly PeerName[]): readonly Group[] {
  const all = withLoad(wanted);
  const isLoad = ({ stage }: Workload) => stage === "load";
  const groups = [all.filter(isLoad), all.filter((workload) => !isLoad(workload))];
  return groups
    .filter(({ length }) => length > 0)
    .map((group) => ({ workloads: group, order: together(peers), once: false }));
}

function withLoad(wanted: readonly Workload[]): readonly Workload[] {
  const needsLoad = wanted.some(({ stage }) => stage === "loaded" || stage === "copied");
  return workloads.filter((workload) => wanted.includes(workload) || (needsLoad && workload.stage === "load"));
}

function alternating(peers: readonly PeerName[]): readonly ContenderName[] {
  return peers.length === 0 ? ["kvts"] : peers.flatMap((peer) => ["kvts", peer] as const);
}

function together(peers: readonly PeerName[]): readonly ContenderName[] {
  return ["kvts", ...peers];
}
