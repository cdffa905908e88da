import { cpus, totalmem } from "node:os";
import { formatSize } from "@kvts/common";
import { formatCount } from "../output/notes.ts";
import type { Measurement } from "./run-workload.ts";

/** The circumstances of a run. */
export interface BenchContext {
  readonly target: string;
  readonly keys: number;
  readonly versions: number;
  readonly valueBytes: number;
  readonly concurrency: number;
}

/** What a run was measured on. */
export function machine(): {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly node: string;
} {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memory: formatSize(totalmem()),
    node: process.version,
  };
}

/** The lines above the measurements, for people. */
export function headText(context: BenchContext): string {
  const { cpu, cores, memory, node } = machine();
  const { target, keys, versions, valueBytes, concurrency } = context;
  return [
    `${cpu}, ${cores} cores, ${memory}, Node ${node}`,
    `${target}; ${formatCount(keys)} keys × ${versions} versions × ${valueBytes} B, ${concurrency} at a time`,
    "",
    row(["workload", "operations/s", "entries/s", "p50 ms", "p99 ms", "p99.9 ms", "operation"]),
    "",
  ].join("\n");
}

/** One measurement, for people. */
export function measurementText(measurement: Measurement): string {
  const { workload, operation, operationsPerSecond, entriesPerSecond, p50Ms, p99Ms, p999Ms } = measurement;
  const rates = [operationsPerSecond, entriesPerSecond].map(formatCount);
  return row([workload, ...rates, ...[p50Ms, p99Ms, p999Ms].map((millis) => millis.toFixed(3)), operation]);
}

const widths: readonly number[] = [10, 13, 13, 9, 9, 9];

function row([name = "", ...columns]: readonly string[]): string {
  const operation = columns.pop() ?? "";
  const numbers = columns.map((column, at) => column.padStart(widths[at + 1] ?? 0));
  return `${name.padEnd(widths[0]!)} ${numbers.join(" ")}  ${operation}\n`;
}
