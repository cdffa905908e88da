import { isKvtsError } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { failed } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { withTarget } from "../options/target.ts";
import { print } from "../output/sink.ts";
import { runUpkeep, type UpkeepTask } from "../target/upkeep.ts";

export const flush: Command = upkeepCommand("flush", "Write what is in memory to tables");
export const compact: Command = upkeepCommand("compact", "Merge all tables into the fewest");

function upkeepCommand(task: UpkeepTask, describe: string): Command {
  return defineCommand({
    command: task,
    describe: `${describe}, and wait until it is done`,
    builder: (yargs) => withTarget(yargs),
    handler: async (args) => {
      using interrupt = listenForInterrupt();
      const started = performance.now();
      try {
        await runUpkeep(task, args, { signal: interrupt.signal });
      } catch (error) {
        throw isKvtsError(error, "CANCELLED") ? failed(`stopped before ${task} was done; nothing is lost`) : error;
      }
      const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
      await print(args.json ? `${JSON.stringify({ task, seconds })}\n` : `${task} done in ${seconds} s\n`);
    },
  });
}
