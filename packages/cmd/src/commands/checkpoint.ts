import { type CheckpointReport, isKvtsError } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { failed } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { readTarget, type ServerTarget, withTarget } from "../options/target.ts";
import { countOf } from "../output/notes.ts";
import { print } from "../output/sink.ts";
import { userPath } from "../paths.ts";
import { connectToServer } from "../target/connect-to-server.ts";
import { makeCheckpoint } from "../target/make-checkpoint.ts";

export const checkpointCommand: Command = defineCommand({
  command: "checkpoint <target>",
  describe: "Make a copy of a store that can be opened like any other",
  builder: (yargs) =>
    withTarget(yargs)
      .positional("target", {
        type: "string",
        demandOption: true,
        describe: "The directory of the copy, empty or still to be made; of a server a name in its --checkpoint-path",
      })
      .epilogue("On one disk the copy shares its tables with the store, and takes hardly any room or time."),
  handler: async (args) => {
    const target = readTarget(args);
    const report = await ("url" in target
      ? askForCheckpoint(target, args.target)
      : makeCheckpoint(target.directory, userPath(args.target)));
    await print(args.json ? `${JSON.stringify(report)}\n` : `${checkpointLine(report)}\n`);
  },
});

async function askForCheckpoint(target: ServerTarget, name: string): Promise<CheckpointReport> {
  using interrupt = listenForInterrupt();
  await using store = await connectToServer(target);
  try {
    return await store.checkpoint(name, { signal: interrupt.signal });
  } catch (error) {
    throw isKvtsError(error, "CANCELLED") ? failed("no longer waiting; the server goes on with the checkpoint") : error;
  }
}

/** What a checkpoint is, for people. */
export function checkpointLine({
  directory,
  seq,
  tables,
  copiedBytes,
  linkedBytes,
  operations,
}: CheckpointReport): string {
  const how = copiedBytes === 0 ? "shared" : linkedBytes === 0 ? "copied" : "shared or copied";
  return `checkpoint of seq ${seq} in ${directory}: ${countOf(tables, "table")} ${how}, ${countOf(operations, "operation")} from logs`;
}
