import { median, mib, type ProcessMemory } from "./memory.ts";

/** What a soak was like. */
export interface SoakReport {
  readonly seed: number;
  readonly minutes: number;
  readonly directory: string;
  /** Stores that were begun, each read as a whole and verified in the end. */
  readonly stores: number;
  readonly kills: number;
  readonly stops: number;
  /** Batches that were acknowledged. */
  readonly batches: number;
  /** Batches that were in flight at the end of a process, and were there whole, or not at all, afterwards. */
  readonly found: number;
  readonly absent: number;
  /** Versions read in the whole checks. */
  readonly versions: number;
  readonly diskBytesMost: number;
  readonly memory: readonly ProcessMemory[];
  /** What is wrong; empty where nothing is. */
  readonly problems: readonly string[];
}

export function reportText(report: SoakReport): string {
  const { seed, minutes, stores, kills, stops, batches, found, absent, versions, diskBytesMost, problems } = report;
  const lines = [
    `seed ${seed}, ${minutes.toFixed(1)} minutes, ${stores} stores, ${mib(diskBytesMost)} at most`,
    `${kills} kills, ${stops} orderly ends`,
    `${batches} batches acknowledged; of those in flight at an end, ${found} were there and ${absent} were not`,
    `${versions} versions read and compared at the end of each store`,
    ...memoryLines(report.memory),
    problems.length === 0 ? "nothing is wrong" : `WRONG, and left in ${report.directory}:`,
    ...problems.map((problem) => `  ${problem}`),
  ];
  return `${lines.join("\n")}\n`;
}

function memoryLines(memory: readonly ProcessMemory[]): string[] {
  return [...new Set(memory.map(({ kind }) => kind))].map((kind) => {
    const processes = memory.filter((one) => one.kind === kind && one.samples.length > 0);
    const peaks = processes.map(({ samples }) => Math.max(...samples));
    const longest = processes.reduce((most, { samples }) => Math.max(most, samples.length), 0);
    return `${kind}: ${processes.length} processes, the longest of ${longest} s; memory at its peak ${mib(median(peaks))} in the median, ${mib(Math.max(0, ...peaks))} at most`;
  });
}
