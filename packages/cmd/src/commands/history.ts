import { versionToJson } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { usageError } from "../failure.ts";
import { readKey, withKeyEncoding } from "../options/key-encoding.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { displayKey, displayVersion } from "../output/display.ts";
import { printList } from "../output/print-list.ts";
import { useStore } from "../target/use-store.ts";
import { type Figure, figures, plotNumbers, printNumbers, readStep } from "./history-in-numbers.ts";

export const history: Command = defineCommand({
  command: "history <key>",
  describe: "List every version of a key, newest first, or its numbers by steps of time",
  builder: (yargs) =>
    withTarget(withKeyEncoding(yargs))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .option("from", timeOption("The oldest moment wanted, inclusive"))
      .option("to", timeOption("The newest moment wanted, inclusive"))
      .option("reverse", { type: "boolean", default: false, describe: "Oldest first" })
      .option("limit", countOption("The most versions, or steps, wanted"))
      .option("step", {
        type: "string",
        requiresArg: true,
        describe: "List the numbers among its values by steps of this length, such as 1h, oldest first",
      })
      .option("aggregate", {
        choices: figures,
        requiresArg: true,
        describe: "What to tell of each step; else everything",
      })
      .option("plot", { type: "boolean", default: false, describe: "Draw its numbers over time" })
      .example("$0 history temperature --step 1h --aggregate mean", "the mean of each hour")
      .example("$0 history temperature --from -1d --plot", "the last day, drawn"),
  handler: async (args) => {
    const key = readKey(args.key, args.keyEncoding);
    const [from, to] = [readTime(args.from, "--from"), readTime(args.to, "--to")];
    const limit = readCount(args.limit, "--limit");
    const [step, figure, { reverse, plot, json }] = [readStep(args.step), args.aggregate, args];
    checkForms({ step, figure, reverse, plot, json });
    const numbers = { key, name: displayKey(key, args.keyEncoding), from, to, limit, step, figure, json };
    await useStore(args, "read", (store) => {
      if (plot) return plotNumbers(store, numbers);
      if (step !== undefined) return printNumbers(store, { ...numbers, step });
      return printList(
        ({ signal }) => store.history(key, { from, to, limit, reverse, signal }),
        json ? (version) => JSON.stringify(versionToJson(version)) : displayVersion,
      );
    });
  },
});

interface Forms {
  readonly step: number | undefined;
  readonly figure: Figure | undefined;
  readonly reverse: boolean;
  readonly plot: boolean;
  readonly json: boolean;
}

function checkForms({ step, figure, reverse, plot, json }: Forms): void {
  if (plot && json) throw usageError("--plot draws and --json lists; give one of them");
  if (figure !== undefined && step === undefined && !plot) {
    throw usageError("--aggregate says what to tell of each step; give --step, such as --step 1h, or --plot");
  }
  if (reverse && (plot || step !== undefined)) {
    throw usageError("--reverse is for versions; steps of time are listed, and drawn, oldest first");
  }
}
