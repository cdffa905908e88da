import { type Command, defineCommand } from "../command.ts";
import { readConditions, withConditions } from "../options/conditions.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { printWrite } from "../output/write-result.ts";
import { useStore } from "../target/use-store.ts";

export const retract: Command = defineCommand({
  command: "retract <key>",
  describe: "Take back what was written at one timestamp; what held before it holds on",
  builder: (yargs) =>
    withConditions(withTarget(withKeyEncoding(yargs)))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .option("ts", { ...timeOption("The timestamp of what is taken back, exactly"), demandOption: true })
      .example("$0 retract user:1 --ts 2023-01-12T11:48:12Z", "as if nothing had been written then"),
  handler: async (args) => {
    const key = readKey(args.key, args.keyEncoding);
    const timestamp = readTime(args.ts, "--ts")!;
    const conditions = readConditions(args);
    const result = await useStore(args, "write", (store) => store.retract(key, timestamp, conditions));
    await printWrite(args.json, key, result);
  },
});
