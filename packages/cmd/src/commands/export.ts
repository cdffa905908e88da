import type { Range } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { CommandError, describeFailure, exitCodes, usageError } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { withKeyEncoding } from "../options/key-encoding.ts";
import { readRange, withRange } from "../options/range.ts";
import { withTarget } from "../options/target.ts";
import { readTime, timeOption } from "../options/times.ts";
import { createFile } from "../output/new-file.ts";
import { countOf } from "../output/notes.ts";
import { showProgress } from "../output/progress.ts";
import { print, type Sink, stdoutSink } from "../output/sink.ts";
import { userPath } from "../paths.ts";
import { type ByteStore, useStore } from "../target/use-store.ts";
import { allVersions, visibleVersions } from "../transfer/all-versions.ts";
import { exportAll } from "../transfer/export-all.ts";
import { type FileFormat, fileFormats, formatOf } from "../transfer/file-format.ts";
import { versionFormats } from "../transfer/version-format.ts";

export const exportCommand: Command = defineCommand({
  command: "export [file]",
  describe: "Write every version to an NDJSON or CSV file",
  builder: (yargs) =>
    withRange(withTarget(withKeyEncoding(yargs)))
      .positional("file", { type: "string", describe: "The file; stdout when left out, or for -" })
      .option("format", { choices: fileFormats, requiresArg: true, describe: "By the file's name when left out" })
      .option("at", timeOption("Only what held at this moment, one version a key"))
      .option("history", { type: "boolean", default: false, describe: "Every version, as without --at" })
      .option("overwrite", { type: "boolean", default: false, describe: "Replace the file if it exists" })
      .example("$0 export backup.ndjson", "everything, history included")
      .example("$0 export --at 2023-01-12T12:00:00Z --prefix user:", "the users as they were at noon"),
  handler: async (args) => {
    const asOf = readTime(args.at, "--at");
    if (asOf !== undefined && args.history)
      throw usageError("--at leaves out what --history asks for; give one of them");
    const path = args.file === "-" ? undefined : args.file;
    const plan: Plan = { range: readRange(args), asOf, format: args.format ?? formatOf(path) };
    const run = (sink: Sink): Promise<number> => useStore(args, "read", (store) => runExport(store, plan, sink));
    if (path === undefined) {
      await run(stdoutSink);
      return;
    }
    await using file = await createFile(userPath(path), args.overwrite);
    const versions = await run(file.sink);
    await file.keep();
    await print(
      args.json
        ? `${JSON.stringify({ versions, file: path })}\n`
        : `${countOf(versions, "version")} exported to ${path}\n`,
    );
  },
});

interface Plan {
  readonly range: Range;
  readonly asOf: number | undefined;
  readonly format: FileFormat;
}

/** Returns how many versions were written. */
async function runExport(store: ByteStore, { range, asOf, format }: Plan, sink: Sink): Promise<number> {
  using interrupt = listenForInterrupt();
  using progress = await showProgress(undefined);
  const { signal } = interrupt;
  const versions = asOf === undefined ? allVersions(store, range, signal) : visibleVersions(store, range, asOf, signal);
  return await exportAll(versions, versionFormats[format], sink, {
    onProgress: (count) => progress.update(count, count),
    explain: (error, count) => explain(error, count, signal.aborted),
  });
}

function explain(error: unknown, versions: number, interrupted: boolean): CommandError {
  const done = `${countOf(versions, "version")} written, which is not everything`;
  if (interrupted) return new CommandError(exitCodes.failure, "CANCELLED", `stopped: ${done}`);
  const { code, exitCode, message } = describeFailure(error);
  return new CommandError(exitCode, code, `${message} (${done})`, error);
}
