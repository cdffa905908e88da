import { versionToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { displayVersion } from "../output/display.ts";
import { printList } from "../output/print-list.ts";
import { useStore } from "../target/use-store.ts";

export const history: Command = defineCommand({
  command: "history <key>",
  describe: "List every version of a key, newest first",
  builder: (yargs) =>
    withTarget(withKeyEncoding(yargs))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .option("from", timeOption("The oldest moment wanted, inclusive"))
      .option("to", timeOption("The newest moment wanted, inclusive"))
      .option("reverse", { type: "boolean", default: false, describe: "Oldest first" })
      .option("limit", countOption("The most versions wanted")),
  handler: async (args) => {
    const key = readKey(args.key, args.keyEncoding);
    const [from, to] = [readTime(args.from, "--from"), readTime(args.to, "--to")];
    const limit = readCount(args.limit, "--limit");
    await useStore(args, "read", (store) =>
      printList(
        ({ signal }) => store.history(key, { from, to, limit, reverse: args.reverse, signal }),
        args.json ? (version) => JSON.stringify(versionToJson(version)) : displayVersion,
      ),
    );
  },
});
