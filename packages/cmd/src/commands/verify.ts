import { existsSync } from "node:fs";
import { formatSize, isKvtsError } from "@kvts/common";
import type { VerifiedFile, VerifyReport } from "@kvts/db";
import { type Command, defineCommand } from "../command.ts";
import { CommandError, exitCodes, failed, sentenceOf } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { readRate } from "../options/rate.ts";
import { readTarget, type ServerTarget, withTarget } from "../options/target.ts";
import { countOf } from "../output/notes.ts";
import { showReading } from "../output/progress.ts";
import { print } from "../output/sink.ts";
import { connectToServer } from "../target/connect-to-server.ts";

export const verifyCommand: Command = defineCommand({
  command: "verify",
  describe: "Read a whole store, and tell everything that is wrong with it",
  builder: (yargs) =>
    withTarget(yargs)
      .option("bytes-per-second", {
        type: "string",
        requiresArg: true,
        describe: "How fast it may read at most, such as 50MiB; as fast as the disk without it",
      })
      .epilogue("Nothing is changed. The exit code is 0 where the store is sound, 1 where it is not."),
  handler: async (args) => {
    const bytesPerSecond = readRate(args.bytesPerSecond, "--bytes-per-second");
    const target = readTarget(args);
    const place = "url" in target ? target.url.origin : target.directory;
    const report = await ("url" in target
      ? verifyServer(target, bytesPerSecond)
      : verifyDirectory(target.directory, bytesPerSecond));
    await print(args.json ? `${JSON.stringify(report)}\n` : `${reportLines(report, place).join("\n")}\n`);
    if (!report.sound) {
      throw failed(`${place} is not sound; restore it from a backup, or save what is whole with \`kvts repair\``);
    }
  },
});

async function verifyServer(target: ServerTarget, bytesPerSecond: number | undefined): Promise<VerifyReport> {
  using interrupt = listenForInterrupt();
  using reading = await showReading();
  await using store = await connectToServer(target);
  try {
    return await store.verify({
      signal: interrupt.signal,
      bytesPerSecond,
      onProgress: ({ bytesDone, bytesTotal, file }) => reading.update(bytesDone, bytesTotal, file),
    });
  } catch (error) {
    throw isKvtsError(error, "CANCELLED") ? failed("no longer waiting; the server goes on reading") : error;
  }
}

async function verifyDirectory(directory: string, bytesPerSecond: number | undefined): Promise<VerifyReport> {
  if (!existsSync(directory)) throw failed(`there is no store at ${directory}; check --db-path`);
  const { verify } = await import("@kvts/db");
  using interrupt = listenForInterrupt();
  using reading = await showReading();
  try {
    return await verify(directory, {
      signal: interrupt.signal,
      bytesPerSecond,
      onProgress: ({ bytesDone, bytesTotal, file }) => reading.update(bytesDone, bytesTotal, file),
    });
  } catch (error) {
    if (isKvtsError(error, "CANCELLED"))
      throw failed("stopped before everything was read; nothing is known of the rest");
    throw isKvtsError(error) ? new CommandError(exitCodes.failure, error.code, sentenceOf(error), error) : error;
  }
}

/** What was found, for people: one line, one for each problem, and one for each file that the store does not need. */
function reportLines(report: VerifyReport, directory: string): string[] {
  const { sound, tables, versions, operations, problems, problemsOmitted, files, bytesRead, elapsedMs } = report;
  const amount = `${countOf(tables, "table")} with ${countOf(versions, "version")}, ${countOf(operations, "operation")} in logs`;
  const effort = `${formatSize(bytesRead)} read in ${(elapsedMs / 1000).toFixed(1)} s`;
  const verdict = sound ? "is sound" : `has ${countOf(problems.length + problemsOmitted, "problem")}`;
  const omitted = problemsOmitted === 0 ? [] : [`  and ${countOf(problemsOmitted, "problem")} more`];
  return [
    `the store at ${directory} ${verdict}: ${amount} (${effort})`,
    ...problems.map(({ message }) => `  ${message}`),
    ...omitted,
    ...files.filter(({ state }) => state === "not needed" || state === "unknown").map(strangerLine),
  ];
}

function strangerLine({ file, state, reason = "it is not one of kvts' own" }: VerifiedFile): string {
  return `  ${file}  ${state}: ${reason}`;
}
