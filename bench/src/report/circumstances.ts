import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { formatSize } from "@kvts/common";
import type { Scale } from "../run/task.ts";
import type { PeerName } from "../stores/registry.ts";

/** What a run was measured on. */
export function machineText(): string {
  const [cpu, ...others] = cpus();
  const cores = others.length + 1;
  return `${cpu?.model.trim() ?? "unknown processor"}, ${cores} cores, ${formatSize(totalmem())}, Node ${process.versions.node}`;
}

/** What was measured. */
export function scaleText({ dataset, seconds, memoryBytes }: Scale, runs: number): string {
  const { keys, versions, valueBytes, order } = dataset;
  const size = `${keys.toLocaleString("en")} keys × ${versions.toLocaleString("en")} versions × ${valueBytes} B`;
  const effort = `${formatSize(memoryBytes)} each, ${seconds} s a measurement, median of ${runs}`;
  return `${size}, loaded in ${order} order; ${effort}`;
}

/** The peers with their versions, which `package.json` gives exactly. */
export function peersText(peers: readonly PeerName[]): string {
  const packages = new Map([...peers].map((peer) => [packageOf(peer), versionOf(packageOf(peer))]));
  return [...packages].map(([name, version]) => `${name} ${version}`).join(", ");
}

function packageOf(peer: PeerName): string {
  switch (peer) {
    case "lmdb":
    case "lmdb+latest":
      return "lmdb";
    case "rocksdb":
      return "@nxtedition/rocksdb";
    case "classic-level":
      return "classic-level";
    case "sqlite":
      return "node:sqlite";
  }
}

function versionOf(name: string): string {
  if (name === "node:sqlite") return process.versions.sqlite ?? "";
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  return manifest.optionalDependencies[name] ?? "";
}
