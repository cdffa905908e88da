import { type EraseProgress, type EraseResult, type EraseTarget, formatSize, isKvtsError } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { failed, usageError } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { countOf } from "../output/notes.ts";
import { showReading } from "../output/progress.ts";
import { print } from "../output/sink.ts";
import { confirm } from "../prompt.ts";
import { type ByteStore, useStore } from "../target/use-store.ts";

export const erase: Command = defineCommand({
  command: "erase [key]",
  describe: "Erase a key or a range for good, to the last byte, with all of its history",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .positional("key", { type: "string", describe: "The key" })
      .option("all", { type: "boolean", default: false, describe: "Every key" })
      .option("dry-run", { type: "boolean", default: false, describe: "Change nothing, and count what would go" })
      .option("yes", { type: "boolean", default: false, describe: "Do not ask whether it is meant" })
      .example("$0 erase patient/7 --yes", "one key, at every timestamp")
      .example("$0 erase --prefix patient/ --dry-run", "how many versions would go")
      .epilogue("Nothing brings it back. Checkpoints and other copies lie outside: erase there too, or remove them."),
  handler: async (args) => {
    const target = readErased(args);
    if (args.dryRun) {
      const counted = await useStore(args, "read", (store) => store.erase(target, { dryRun: true }));
      return await print(args.json ? `${JSON.stringify(counted)}\n` : `${foretold(counted)}\n`);
    }
    if (!args.yes) await confirm("this erases what is named for good, with all of its history", "--yes");
    const result = await useStore(args, "write", (store) => eraseWithProgress(store, target));
    await print(args.json ? `${JSON.stringify(result)}\n` : `${lines(result).join("\n")}\n`);
  },
});

type EraseArguments = Parameters<typeof readRange>[0] & { readonly key?: string | undefined; readonly all: boolean };

/** One key, or a range, or everything. */
function readErased(args: EraseArguments): EraseTarget {
  const range = readRange(args);
  const isRange = args.prefix !== undefined || args.start !== undefined || args.end !== undefined;
  if ([args.key !== undefined, isRange, args.all].filter(Boolean).length !== 1) {
    throw usageError("name one key, or keys by --prefix, or by --start and --end; or say --all for every key");
  }
  return args.key === undefined ? range : { key: readKey(args.key, args.keyEncoding) };
}

async function eraseWithProgress(store: ByteStore, target: EraseTarget): Promise<EraseResult> {
  using interrupt = listenForInterrupt();
  using reading = await showReading();
  let isHidden = false;
  const onProgress = ({ phase, bytesDone, bytesTotal }: EraseProgress): void => {
    if (bytesTotal > 0) reading.update(bytesDone, bytesTotal, phase);
  };
  const onHidden = (): void => {
    isHidden = true;
  };
  try {
    return await store.erase(target, { signal: interrupt.signal, onProgress, onHidden });
  } catch (error) {
    if (!isKvtsError(error, "CANCELLED")) throw error;
    throw failed(
      isHidden
        ? "no longer waiting: what is erased is hidden for good, and its bytes go while the store is open"
        : "stopped before anything was known to be hidden; try again",
    );
  }
}

function foretold({ removed, tablesRewritten, bytesRewritten }: EraseResult): string {
  const tables = `${countOf(tablesRewritten, "table")} of ${formatSize(bytesRewritten)}`;
  return `${countOf(removed, "version")} would be erased, and ${tables} written anew`;
}

/** What was done, for people, and where the bytes may still be. */
function lines({ removed, tablesRewritten, bytesRewritten, setAside, checkpoints }: EraseResult): string[] {
  const tables = `${countOf(tablesRewritten, "table")} of ${formatSize(bytesRewritten)}`;
  return [
    `${countOf(removed, "version")} erased, ${tables} written anew`,
    ...checkpoints.map((name) => `  the checkpoint ${name} may still hold it`),
    ...setAside.map((name) => `  lost/${name} may still hold it`),
  ];
}
