import { formatTime } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { usageError } from "../failure.ts";
import { withKeyEncoding } from "../options/key-encoding.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { print } from "../output/sink.ts";
import { useStore } from "../target/use-store.ts";

export const deleteRange: Command = defineCommand({
  command: "delete-range",
  describe: "Delete every key that could be in a range; their history stays readable",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .option("all", { type: "boolean", default: false, describe: "Every key" })
      .option("ts", timeOption("The moment from which the keys hold nothing; now when left out"))
      .option("dry-run", { type: "boolean", default: false, describe: "Only count the keys that would be deleted" })
      .option("request-id", {
        type: "string",
        requiresArg: true,
        describe: "Names this write, so that it happens once",
      })
      .example("$0 delete-range --prefix user:", "every user, those written later at an earlier time too"),
  handler: async (args) => {
    const range = readRange(args);
    const isGiven = args.prefix !== undefined || args.start !== undefined || args.end !== undefined;
    if (isGiven === args.all) {
      throw usageError("name the keys by --prefix, or by --start and --end; or say --all for every key");
    }
    const timestamp = readTime(args.ts, "--ts");
    if (args.dryRun) {
      const newest = timestamp ?? Date.now() * 1000;
      const keys = await useStore(args, "read", async (store) => {
        let count = 0;
        for await (const entry of store.scan(range)) if (entry.timestamp <= newest) count++;
        return count;
      });
      await print(args.json ? `${JSON.stringify({ keys })}\n` : `${keys} keys would be deleted\n`);
      return;
    }
    const { requestId } = args;
    const result = await useStore(args, "write", (store) => store.deleteRange(range, { timestamp, requestId }));
    const time = formatTime(result.timestamp);
    await print(args.json ? `${JSON.stringify({ ...result, time })}\n` : `${time}\tseq ${result.seq}\n`);
  },
});
