import { type Entry, keyToJson, versionToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import type { GlobalOptions } from "../options/global.ts";
import { type KeyEncoding, withKeyEncoding } from "../options/key-encoding.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { displayKey, displayVersion } from "../output/display.ts";
import { printList } from "../output/print-list.ts";
import { useStore } from "../target/use-store.ts";

export const scan: Command = defineCommand({
  command: "scan",
  describe: "List keys with their values, in byte order of the keys",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .option("at", timeOption("The moment to read at; the newest versions when left out"))
      .option("reverse", { type: "boolean", default: false, describe: "Greatest key first" })
      .option("limit", countOption("The most keys wanted"))
      .option("keys-only", { type: "boolean", default: false, describe: "List the keys alone" })
      .example("$0 scan --prefix user: --limit 10", "the first ten users")
      .example("$0 scan --at 2023-01-12T12:00:00Z --json", "everything that held at noon, as NDJSON"),
  handler: async (args) => {
    const range = readRange(args);
    const asOf = readTime(args.at, "--at");
    const limit = readCount(args.limit, "--limit");
    await useStore(args, "read", (store) =>
      printList(({ signal }) => store.scan(range, { asOf, limit, reverse: args.reverse, signal }), lineFormat(args)),
    );
  },
});

interface LineOptions extends GlobalOptions {
  readonly keysOnly: boolean;
  readonly keyEncoding: KeyEncoding;
}

function lineFormat({ json, keysOnly, keyEncoding }: LineOptions): (entry: Entry<Uint8Array>) => string {
  if (json) return (entry) => JSON.stringify(keysOnly ? keyToJson(entry.key) : versionToJson(entry));
  if (keysOnly) return (entry) => displayKey(entry.key, keyEncoding);
  return (entry) => `${displayKey(entry.key, keyEncoding)}\t${displayVersion(entry)}`;
}
