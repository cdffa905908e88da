import { type Command, defineCommand } from "../command.ts";
import { readConditions, withConditions } from "../options/conditions.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { printWrite } from "../output/write-result.ts";
import { useStore } from "../target/use-store.ts";

export const deleteCommand: Command = defineCommand({
  command: "delete <key>",
  describe: "Delete a value; its history stays readable",
  builder: (yargs) =>
    withConditions(withTarget(withKeyEncoding(yargs)))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .option("ts", timeOption("The moment from which the key holds nothing; now when left out")),
  handler: async (args) => {
    const key = readKey(args.key, args.keyEncoding);
    const timestamp = readTime(args.ts, "--ts");
    const conditions = readConditions(args);
    const result = await useStore(args, "write", (store) => store.delete(key, { timestamp, ...conditions }));
    await printWrite(args.json, key, result);
  },
});
