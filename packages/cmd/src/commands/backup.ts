import { formatSize, isKvtsError } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { failed } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { readTarget, type ServerTarget, withTarget } from "../options/target.ts";
import { countOf } from "../output/notes.ts";
import { showReceiving } from "../output/progress.ts";
import { print } from "../output/sink.ts";
import { userPath } from "../paths.ts";
import { makeCheckpoint } from "../target/make-checkpoint.ts";
import { type ReceivedBackup, receiveBackup } from "../target/receive-backup.ts";
import { checkpointLine } from "./checkpoint.ts";

export const backup: Command = defineCommand({
  command: "backup <target>",
  describe: "Bring a copy of a store here, of a server's too, while it serves",
  builder: (yargs) =>
    withTarget(yargs)
      .positional("target", {
        type: "string",
        demandOption: true,
        describe: "The directory of the copy, which is empty or still to be made",
      })
      .example("$0 backup ./monday --url http://127.0.0.1:50051", "everything that the server holds at this moment")
      .epilogue("The copy can be opened like any store; `kvts restore-backup` makes a store of it to go on with."),
  handler: async (args) => {
    const target = readTarget(args);
    const directory = userPath(args.target);
    if ("url" in target) {
      const received = await receive(target, directory);
      await print(args.json ? `${JSON.stringify(received)}\n` : `${backupLine(received)}\n`);
    } else {
      const report = await makeCheckpoint(target.directory, directory);
      await print(args.json ? `${JSON.stringify(report)}\n` : `${checkpointLine(report)}\n`);
    }
  },
});

export const restoreBackup: Command = defineCommand({
  command: "restore-backup <backup>",
  describe: "Make a store to go on with of a backup, which stays as it is",
  builder: (yargs) =>
    yargs
      .positional("backup", { type: "string", demandOption: true, describe: "The directory of the backup" })
      .option("db-path", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "The directory of the new store, which is empty or still to be made",
      })
      .epilogue("The new store has an incarnation of its own. On one disk it shares tables with the backup."),
  handler: async (args) => {
    const report = await makeCheckpoint(userPath(args.backup), userPath(args.dbPath));
    await print(args.json ? `${JSON.stringify(report)}\n` : `${checkpointLine(report)}\n`);
  },
});

async function receive(target: ServerTarget, directory: string): Promise<ReceivedBackup> {
  using interrupt = listenForInterrupt();
  using receiving = await showReceiving();
  try {
    return await receiveBackup(target, directory, {
      signal: interrupt.signal,
      onProgress: (bytes) => receiving.update(bytes),
    });
  } catch (error) {
    throw isKvtsError(error, "CANCELLED") ? failed("stopped before everything had come; nothing is kept of it") : error;
  }
}

function backupLine({ directory, files, bytes, seq }: ReceivedBackup): string {
  return `backup of seq ${seq} in ${directory}: ${countOf(files, "file")}, ${formatSize(bytes)}`;
}
