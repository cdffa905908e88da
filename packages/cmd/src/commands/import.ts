import { type Command, defineCommand } from "../command.ts";
import { failed } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { readCsvOptions, refuseCsvOptions, withCsv } from "../options/csv.ts";
import { countOption, readCount } from "../options/numbers.ts";
import { withTarget } from "../options/target.ts";
import { countOf } from "../output/notes.ts";
import { type Progress, showProgress } from "../output/progress.ts";
import { print } from "../output/sink.ts";
import { useStore } from "../target/use-store.ts";
import { fileFormats, formatOf } from "../transfer/file-format.ts";
import { type ImportResult, importAll } from "../transfer/import-all.ts";
import { type BadLine, begun, type ImportSource } from "../transfer/item.ts";
import { openInput } from "../transfer/open-input.ts";
import { readCsv } from "../transfer/read-csv.ts";
import { readNdjson } from "../transfer/read-ndjson.ts";

export const importCommand: Command = defineCommand({
  command: "import <file>",
  describe: "Write the versions of an NDJSON or CSV file",
  builder: (yargs) =>
    withCsv(withTarget(yargs))
      .positional("file", { type: "string", demandOption: true, describe: "The file, or - for stdin" })
      .option("format", { choices: fileFormats, requiresArg: true, describe: "By the file's name when left out" })
      .option("strict", { type: "boolean", default: false, describe: "Stop at the first bad line" })
      .option("partial", { type: "boolean", default: false, describe: "Accept an export without its end line" })
      .option("from-line", countOption("Skip the lines before this one", 1))
      .example("$0 import backup.ndjson", "what `kvts export` wrote")
      .example('$0 import prices.csv --key-template "stock/{symbol}" --value-column price', "a table of others"),
  handler: async (args) => {
    const format = args.format ?? formatOf(args.file);
    if (format === "ndjson") refuseCsvOptions(args);
    const csv = readCsvOptions(args);
    const fromLine = readCount(args.fromLine, "--from-line")!;
    using interrupt = listenForInterrupt();
    let bytesRead = 0;
    const input = await openInput(args.file, interrupt.signal, (bytes) => {
      bytesRead = bytes;
    });
    const source: ImportSource =
      format === "csv" ? await begun(readCsv(input.chunks, csv)) : readNdjson(input.chunks, { partial: args.partial });
    const started = performance.now();
    using progress = await showProgress(input.bytes);
    const result = await useStore(args, "write", (store) =>
      importAll(store, source, {
        strict: args.strict,
        fromLine,
        signal: interrupt.signal,
        onBadLine: (bad) => progress.say(badLineText(bad, args.json)),
        onProgress: (versions) => progress.update(bytesRead, versions),
      }),
    );
    await finish(result, progress, {
      json: args.json,
      name: input.name,
      seconds: (performance.now() - started) / 1000,
    });
  },
});

function badLineText({ line, code, reason }: BadLine, json: boolean): string {
  return json ? JSON.stringify({ line, error: { code, message: reason } }) : `line ${line}: ${reason}`;
}

interface Finish {
  readonly json: boolean;
  readonly name: string;
  readonly seconds: number;
}

/** Tells what was done; throws when that is not everything. */
async function finish(result: ImportResult, progress: Progress, { json, name, seconds }: Finish): Promise<void> {
  progress[Symbol.dispose]();
  const { versions, badLines, lastLine, stopped } = result;
  if (json) await print(`${JSON.stringify({ versions, badLines, lastLine, seconds: Number(seconds.toFixed(3)) })}\n`);
  const rate = countOf(Math.round(versions / Math.max(seconds, 0.001)), "version");
  const summary = `${countOf(versions, "version")} imported from ${name} in ${seconds.toFixed(1)} s (${rate} a second)`;
  const goOn = versions === 0 ? "" : `; go on with --from-line ${lastLine + 1}`;
  if (stopped === "interrupt") throw failed(`stopped: ${summary}${goOn}`);
  if (stopped === "strict") throw failed(`stopped at the first bad line, as --strict asks: ${summary}${goOn}`);
  if (badLines > 0) throw failed(`${countOf(badLines, "line")} could not be imported; ${summary}`);
  if (!json) await print(`${summary}\n`);
}
