import { formatTime, systemClock } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { usageError } from "../failure.ts";
import { readConditions, withConditions } from "../options/conditions.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { withTarget } from "../options/target.ts";
import { readDuration, readTime, timeOption } from "../options/times.ts";
import { readValue } from "../options/value.ts";
import { printWrite } from "../output/write-result.ts";
import { useStore } from "../target/use-store.ts";

export const put: Command = defineCommand({
  command: "put <key> [value]",
  describe: "Store a value",
  builder: (yargs) =>
    withConditions(withTarget(withKeyEncoding(yargs)))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .positional("value", { type: "string", describe: "The value as text, or - to read its bytes from stdin" })
      .option("file", { type: "string", requiresArg: true, describe: "Take the value's bytes from this file" })
      .option("ts", timeOption("The moment from which the value holds; now when left out"))
      .option("expires-at", timeOption("The moment from which it reads as deleted"))
      .option("ttl", { type: "string", requiresArg: true, describe: "How long it holds, such as 30d or 1h30m" })
      .example("$0 put user:1 alice", "store a value from now on")
      .example("$0 put user:1 bob --ts 2023-01-12T11:48:12Z", "store what held from an earlier moment on")
      .example("$0 put photo --file cat.jpg", "store the bytes of a file")
      .example("$0 put lock me --if-absent", "store a value where there is none"),
  handler: async (args) => {
    const key = readKey(args.key, args.keyEncoding);
    const timestamp = readTime(args.ts, "--ts");
    const expiresAt = readExpiry(args, timestamp);
    const conditions = readConditions(args);
    const value = await readValue(args.value, args.file);
    const result = await useStore(args, "write", (store) =>
      store.put(key, value, { timestamp, expiresAt, ...conditions }),
    );
    await printWrite(args.json, key, result);
  },
});

/** Microseconds at which the value expires; `undefined` for never. */
function readExpiry(
  args: { readonly ttl: string | undefined; readonly expiresAt: string | undefined },
  timestamp: number | undefined,
): number | undefined {
  if (args.ttl === undefined) return readTime(args.expiresAt, "--expires-at");
  if (args.expiresAt !== undefined) throw usageError("--ttl and --expires-at both say when it expires; give one");
  const from = timestamp ?? systemClock.now();
  const expiresAt = from + readDuration(args.ttl, "--ttl")!;
  if (!Number.isSafeInteger(expiresAt)) {
    throw usageError(`--ttl ${args.ttl} from ${formatTime(from)} on ends after any time there is; give a shorter one`);
  }
  return expiresAt;
}
