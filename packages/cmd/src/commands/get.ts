import { formatTime, versionToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { notFound } from "../failure.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { displayKey } from "../output/display.ts";
import { print, stdoutSink } from "../output/sink.ts";
import { useStore } from "../target/use-store.ts";

export const get: Command = defineCommand({
  command: "get <key>",
  describe: "Write the bytes of a value to stdout",
  builder: (yargs) =>
    withTarget(withKeyEncoding(yargs))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .option("at", timeOption("The moment to read at; the newest version when left out"))
      .example("$0 get user:1", "the newest value")
      .example("$0 get user:1 --at -5m", "what it was five minutes ago"),
  handler: async (args) => {
    const key = readKey(args.key, args.keyEncoding);
    const asOf = readTime(args.at, "--at");
    const entry = await useStore(args, "read", (store) => store.get(key, { asOf }));
    if (entry === undefined) {
      const when = asOf === undefined ? "" : ` at ${formatTime(asOf)}`;
      throw notFound(`${displayKey(key, args.keyEncoding)} has no value${when}; \`kvts history\` lists its versions`);
    }
    if (args.json) return print(`${JSON.stringify(versionToJson(entry))}\n`);
    await stdoutSink(entry.value);
    if (process.stdout.isTTY) await print("\n");
  },
});
