import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const MIB = 1024 * 1024;
/** What the memory of a process may grow by and still count as flat. */
const GROWTH_MAX = 1.25;
const GROWTH_BYTES_MAX = 48 * MIB;
/** Samples of one process without which nothing is said of it: two minutes' worth. */
const SAMPLES_MIN = 120;
/** Processes without which nothing is said of all of them. */
const PROCESSES_MIN = 12;

/** Bytes of memory that a process holds at the moment; undefined once it is gone. */
export function residentBytes(pid: number): number | undefined {
  try {
    if (process.platform !== "linux") {
      return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1024;
    }
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** The memory of one process, a sample a second. */
export interface ProcessMemory {
  readonly kind: string;
  readonly samples: number[];
}

/**
 * Memory is flat where, in each process that lived for two minutes or more, the median of the last third of its life is
 * no more than a quarter and 48 MiB above that of the middle third; and where the greatest peak of the last third of all
 * processes of a kind is no more than that above the greatest of the first third. Returns what is not.
 */
export function memoryProblems(processes: readonly ProcessMemory[]): string[] {
  const problems: string[] = [];
  for (const { kind, samples } of processes) {
    if (samples.length < SAMPLES_MIN) continue;
    const third = Math.floor(samples.length / 3);
    const middle = median(samples.slice(third, 2 * third));
    const last = median(samples.slice(2 * third));
    if (grew(middle, last)) problems.push(`${kind} grew from ${mib(middle)} to ${mib(last)} in ${samples.length} s`);
  }
  for (const kind of new Set(processes.map((one) => one.kind))) {
    const peaks = processes.filter((one) => one.kind === kind).map(({ samples }) => Math.max(0, ...samples));
    if (peaks.length < PROCESSES_MIN) continue;
    const third = Math.floor(peaks.length / 3);
    const first = Math.max(...peaks.slice(0, third));
    const last = Math.max(...peaks.slice(-third));
    if (grew(first, last)) problems.push(`${kind} peaked at ${mib(first)} at first, and at ${mib(last)} in the end`);
  }
  return problems;
}

export function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

function grew(from: number, to: number): boolean {
  return to > from * GROWTH_MAX + GROWTH_BYTES_MAX;
}
