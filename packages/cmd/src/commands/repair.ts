import { existsSync } from "node:fs";
import { isKvtsError } from "@kvts/common";
import type { RepairedFile, RepairReport } from "@kvts/db";
import { type Command, defineCommand } from "../command.ts";
import { CommandError, exitCodes, failed, sentenceOf } from "../failure.ts";
import { countOf } from "../output/notes.ts";
import { print } from "../output/sink.ts";
import { userPath } from "../paths.ts";

export const repairCommand: Command = defineCommand({
  command: "repair",
  describe: "Make a damaged store usable again, with everything that can still be read",
  builder: (yargs) =>
    yargs
      .option("db-path", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "The directory of the store; no server may have it",
      })
      .epilogue("Nothing is removed: what is replaced, or cannot be used, goes into lost/ in the directory."),
  handler: async (args) => {
    const directory = userPath(args.dbPath);
    const report = await repairDirectory(directory);
    await print(args.json ? `${JSON.stringify(report)}\n` : `${reportLines(report, directory).join("\n")}\n`);
    if (report.lost) {
      throw failed(
        "not everything could be saved; the damaged files are in lost/, and a backup may have what they held",
      );
    }
  },
});

async function repairDirectory(directory: string): Promise<RepairReport> {
  if (!existsSync(directory)) throw failed(`there is no store at ${directory}; check --db-path`);
  const { repair } = await import("@kvts/db");
  try {
    return await repair(directory);
  } catch (error) {
    throw isKvtsError(error) ? new CommandError(exitCodes.failure, error.code, sentenceOf(error), error) : error;
  }
}

/** What was found and done, for people: one line, and one for each file that did not simply stay. */
function reportLines({ sound, tables, versions, operations, files }: RepairReport, directory: string): string[] {
  const changed = files.filter(({ outcome }) => outcome !== "kept");
  const head = sound
    ? `the store at ${directory} is sound`
    : `repaired ${directory}: ${countOf(tables, "table")} with ${countOf(versions, "version")}, ${countOf(operations, "operation")} from logs`;
  return [head, ...changed.map(fileLine)];
}

function fileLine({ file, outcome, saved, lost, reason }: RepairedFile): string {
  const amount = saved === 0 ? "" : `, ${countOf(saved, "version")} of it`;
  const loss = lost ? ", not all of it" : "";
  return `  ${file}  ${outcome}${amount}${loss}${reason === undefined ? "" : `: ${reason}`}`;
}
