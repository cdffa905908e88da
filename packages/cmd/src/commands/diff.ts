import { changeToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { withKeyEncoding } from "../options/key-encoding.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { displayChange } from "../output/display.ts";
import { printList } from "../output/print-list.ts";
import { useStore } from "../target/use-store.ts";

export const diff: Command = defineCommand({
  command: "diff",
  describe: "List what became of keys between two moments, in byte order of the keys",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .option("from", { ...timeOption("The first moment, inclusive"), demandOption: true })
      .option("to", { ...timeOption("The second moment, inclusive"), demandOption: true })
      .option("limit", countOption("The most changes wanted"))
      .example("$0 diff --from -1h --to now", "what the last hour changed")
      .example("$0 diff --prefix user: --from 2023-01-01T00:00:00Z --to 2023-02-01T00:00:00Z --json", "as NDJSON"),
  handler: async (args) => {
    const range = readRange(args);
    const [from, to] = [readTime(args.from, "--from"), readTime(args.to, "--to")];
    const limit = readCount(args.limit, "--limit");
    await useStore(args, "read", (store) =>
      printList(
        ({ signal }) => store.diff(range, { from: from!, to: to!, limit, signal }),
        args.json
          ? (change) => JSON.stringify(changeToJson(change))
          : (change) => displayChange(change, args.keyEncoding),
      ),
    );
  },
});
