import { formatTime, type RetentionResult, retentionPolicyToJson } from "@kvts/common";
import type { Argv } from "yargs";
import { type Command, defineCommand } from "../command.ts";
import { usageError } from "../failure.ts";
import { decodeBytes, type KeyEncoding, withKeyEncoding } from "../options/key-encoding.ts";
import { withTarget } from "../options/target.ts";
import { displayKey } from "../output/display.ts";
import { print } from "../output/sink.ts";
import { useStore } from "../target/use-store.ts";

const actions = ["set", "list", "delete"] as const;
type Action = (typeof actions)[number];

export const retention: Command = defineCommand({
  command: "retention <action>",
  describe: "Set, list or delete how long history is kept, by prefix; what is cut stays cut",
  builder: (yargs) =>
    withPolicy(withTarget(withKeyEncoding(yargs)))
      .positional("action", { choices: actions, demandOption: true, describe: "What to do" })
      .example("$0 retention set --prefix metrics: --keep-for 30d --dry-run", "what would go")
      .example("$0 retention set --prefix metrics:important: --keep-for forever", "kept inside a shorter prefix")
      .example("$0 retention list", "all policies, and how far each has cut history"),
  handler: async (args) => {
    const { json, keyEncoding } = args;
    checkOptions(args.action, args);
    const text = args.prefix ?? "";
    const prefix = decodeBytes(text, keyEncoding, "the prefix");
    const dryRun = args.dryRun;
    if (args.action === "list") return await printPolicies(args);
    const result = await useStore(args, "write", (store) =>
      args.action === "set"
        ? store.setRetention(prefix, args.keepFor === "forever" ? null : args.keepFor!, { dryRun })
        : store.deleteRetention(prefix, { dryRun }),
    );
    await print(json ? `${JSON.stringify(result)}\n` : `${sentenceOf(result)}\n`);
  },
});

interface PolicyOptions {
  prefix: string | undefined;
  "keep-for": string | undefined;
  "dry-run": boolean;
}

function withPolicy<T>(yargs: Argv<T>): Argv<T & PolicyOptions> {
  return yargs
    .option("prefix", {
      type: "string",
      requiresArg: true,
      describe: 'What the keys begin with; "" for all keys',
    })
    .option("keep-for", {
      type: "string",
      requiresArg: true,
      describe: "How long history is kept, such as 30d; or forever",
    })
    .option("dry-run", { type: "boolean", default: false, describe: "Change nothing, and count what would go" });
}

/** @throws CommandError */
function checkOptions(
  action: Action,
  { prefix, keepFor, dryRun }: { prefix: string | undefined; keepFor: string | undefined; dryRun: boolean },
): void {
  if (action === "list") {
    if (prefix === undefined && keepFor === undefined && !dryRun) return;
    throw usageError("retention list takes no --prefix, --keep-for or --dry-run; it lists all policies");
  }
  if (prefix === undefined) throw usageError(`retention ${action} needs --prefix; "" stands for all keys`);
  if (action === "set" && keepFor === undefined) {
    throw usageError("retention set needs --keep-for, such as 30d, or forever");
  }
  if (action === "delete" && keepFor !== undefined) throw usageError("retention delete takes no --keep-for");
}

async function printPolicies(args: {
  url: string | undefined;
  dbPath: string | undefined;
  json: boolean;
  keyEncoding: KeyEncoding;
}): Promise<void> {
  const policies = await useStore(args, "read", (store) => store.listRetention());
  for (const policy of policies) {
    const { prefix, keepFor, horizon } = policy;
    const cut = horizon === 0 ? "nothing cut" : `cut before ${formatTime(horizon)}`;
    const line = args.json
      ? JSON.stringify(retentionPolicyToJson(policy))
      : `${prefix.length === 0 ? '""' : displayKey(prefix, args.keyEncoding)}\t${keepFor ?? "forever"}\t${cut}`;
    await print(`${line}\n`);
  }
}

function sentenceOf({ horizon, trimmed }: RetentionResult): string {
  const cut = horizon === 0 ? "nothing is cut" : `history before ${formatTime(horizon)} is cut`;
  if (trimmed === undefined) return cut;
  return `${trimmed.versions} versions with ${trimmed.bytes} bytes would go; with it, ${cut}`;
}
