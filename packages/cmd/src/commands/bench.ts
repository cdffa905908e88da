import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "@kvts/common";
import { Dataset, entriesMax } from "../bench/dataset.ts";
import { type BenchContext, headText, machine, measurementText } from "../bench/report.ts";
import { type Pacing, runWorkload } from "../bench/run-workload.ts";
import { type WorkloadName, workloadNames, workloads } from "../bench/workloads.ts";
import { type Command, defineCommand } from "../command.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { readMemory } from "../options/memory.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { readTarget, type TargetOptions, withTarget } from "../options/target.ts";
import { print } from "../output/sink.ts";
import { type Durability, durabilities, openDirectory } from "../target/open-directory.ts";
import { type ByteStore, useStore } from "../target/use-store.ts";

export const bench: Command = defineCommand({
  command: "bench [workloads..]",
  describe: "Measure a store, and check its answers",
  builder: (yargs) =>
    withTarget(yargs)
      .positional("workloads", { choices: workloadNames, array: true, describe: "All of them when left out" })
      .option("keys", countOption("How many keys", 100_000))
      .option("versions", countOption("How many versions of each key", 10))
      .option("value-bytes", countOption("How long each value is", 100))
      .option("batch", countOption("How many entries one write of fill has", 1_000))
      .option("concurrency", countOption("How many operations are under way at a time", 64))
      .option("seconds", countOption("How long each workload runs that has no natural end", 5))
      .option("durability", {
        choices: durabilities,
        default: "sync" as Durability,
        requiresArg: true,
        describe: "Of a directory's writes",
      })
      .option("memory", {
        type: "string",
        default: "256MiB",
        requiresArg: true,
        describe: "Memory for a directory's store, from 32MiB",
      })
      .epilogue(
        "Without --url and --db-path it measures the engine in a temporary directory, which it fills first, and removes.\nIt writes keys that begin with bench/.",
      ),
  handler: async (args) => {
    const keys = readCount(args.keys, "--keys", 1, 99_999_999)!;
    const versions = readCount(args.versions, "--versions", 1, Math.floor(entriesMax / keys))!;
    const valueBytes = readCount(args.valueBytes, "--value-bytes", 0, limits.valueBytesMax)!;
    const data = new Dataset({ keys, versions, valueBytes });
    const isTemporary = args.url === undefined && args.dbPath === undefined;
    const names = orderOf(args.workloads as readonly WorkloadName[] | undefined, isTemporary);
    const batch = readCount(args.batch, "--batch", 1, 10_000)!;
    using interrupt = listenForInterrupt();
    const pacing: Pacing = {
      concurrency: readCount(args.concurrency, "--concurrency", 1, 10_000)!,
      seconds: readCount(args.seconds, "--seconds")!,
      signal: interrupt.signal,
    };
    const engine = { durability: args.durability, memoryBytes: readMemory(args.memory, "--memory") };
    await withBenchStore(args, engine, async (store, target) => {
      const { concurrency } = pacing;
      const context: BenchContext = { target, keys, versions, valueBytes, concurrency };
      await print(args.json ? `${JSON.stringify({ ...machine(), ...context })}\n` : headText(context));
      for (const name of names) {
        const workload = workloads[name]({ store, data, concurrency: pacing.concurrency, batch });
        const measurement = await runWorkload(workload, pacing);
        await print(args.json ? `${JSON.stringify(measurement)}\n` : measurementText(measurement));
      }
    });
  },
});

/** Runs `work` on the store that was named, or on one in a temporary directory, which is removed. */
async function withBenchStore(
  options: TargetOptions,
  engine: { readonly durability: Durability; readonly memoryBytes: number },
  work: (store: ByteStore, target: string) => Promise<void>,
): Promise<void> {
  if (options.url !== undefined) return await useStore(options, "write", (store) => work(store, options.url!));
  const named = readDirectory(options);
  const directory = named ?? (await mkdtemp(join(tmpdir(), "kvts-bench-")));
  try {
    await using store = await openDirectory(directory, "write", engine);
    await work(store.with({ keys: "bytes" }), `${directory} (durability ${engine.durability})`);
  } finally {
    if (named === undefined) await rm(directory, { recursive: true });
  }
}

function readDirectory(options: TargetOptions): string | undefined {
  if (options.dbPath === undefined) return undefined;
  const target = readTarget(options);
  return "directory" in target ? target.directory : undefined;
}

/**
 * What was asked for, in the order in which it can run: what reads comes behind what fills, without which a temporary
 * store has nothing to read.
 */
function orderOf(asked: readonly WorkloadName[] = [], isTemporary: boolean): readonly WorkloadName[] {
  if (asked.length === 0) return workloadNames;
  return workloadNames.filter((name) => asked.includes(name) || (isTemporary && name === "fill"));
}
