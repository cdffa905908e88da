import { watchEventToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { withKeyEncoding } from "../options/key-encoding.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { displayEvent } from "../output/display.ts";
import { printWatch } from "../output/print-watch.ts";
import { useStore } from "../target/use-store.ts";

export const watch: Command = defineCommand({
  command: "watch",
  describe: "Print every batch of writes as it is committed, until Ctrl-C",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .option("after-seq", countOption("Begin behind this seq instead of now: the last one that was printed"))
      .option("initial", { type: "boolean", default: false, describe: "Print what there is first" })
      .example("$0 watch --prefix user:", "what happens to users from now on")
      .example("$0 watch --after-seq 1200 --json", "everything after seq 1200, as NDJSON"),
  handler: async (args) => {
    const range = readRange(args);
    const afterSeq = readCount(args.afterSeq, "--after-seq", 0);
    await useStore(args, "read", (store) =>
      printWatch(
        ({ signal }) => store.watch(range, { afterSeq, initial: args.initial, signal }),
        args.json
          ? (event) => [JSON.stringify(watchEventToJson(event))]
          : (event) => displayEvent(event, args.keyEncoding),
      ),
    );
  },
});
