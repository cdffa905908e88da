import { formatTime, type RestoreResult, restoreResultToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { usageError } from "../failure.ts";
import { type KeyEncoding, withKeyEncoding } from "../options/key-encoding.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { displayChange } from "../output/display.ts";
import { print } from "../output/sink.ts";
import { useStore } from "../target/use-store.ts";

export const restore: Command = defineCommand({
  command: "restore",
  describe: "Make keys look as they did at a moment, by new writes; another restore undoes it",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .option("all", { type: "boolean", default: false, describe: "Every key" })
      .option("to", { ...timeOption("The moment to go back to"), demandOption: true })
      .option("dry-run", { type: "boolean", default: false, describe: "Write nothing, and show what would change" })
      .example("$0 restore --prefix user: --to -1h --dry-run", "how many users would change, and the first of them")
      .example("$0 restore --prefix user: --to -1h", "all users as they were an hour ago"),
  handler: async (args) => {
    const { json, keyEncoding, dryRun } = args;
    const range = readRange(args);
    const isGiven = args.prefix !== undefined || args.start !== undefined || args.end !== undefined;
    if (isGiven === args.all) {
      throw usageError("name the keys by --prefix, or by --start and --end; or say --all for every key");
    }
    const to = readTime(args.to, "--to")!;
    const result = await useStore(args, "write", (store) => store.restore(range, to, { dryRun }));
    await print(json ? `${JSON.stringify(restoreResultToJson(result))}\n` : textOf(result, keyEncoding));
  },
});

function textOf(result: RestoreResult<Uint8Array>, keyEncoding: KeyEncoding): string {
  const { to, restored, deleted, timestamp, sample } = result;
  const counts = `${restored} restored, ${deleted} deleted`;
  if (sample === undefined) {
    if (timestamp === undefined) return `nothing has changed since ${formatTime(to)}\n`;
    return `${counts}, as of ${formatTime(to)}; to undo it, restore to ${formatTime(timestamp - 1)}\n`;
  }
  const lines = sample.map((change) => `${displayChange(change, keyEncoding)}\n`);
  const others = restored + deleted - sample.length;
  const rest = others === 0 ? "" : `and ${others} more\n`;
  return `${lines.join("")}${rest}${counts} would be\n`;
}
