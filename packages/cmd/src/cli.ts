import yargs, { type Argv } from "yargs";
import { sealArguments, unsealParsed } from "./arguments.ts";
import type { Command } from "./command.ts";
import { backup, restoreBackup } from "./commands/backup.ts";
import { bench } from "./commands/bench.ts";
import { checkpointCommand } from "./commands/checkpoint.ts";
import { deleteCommand } from "./commands/delete.ts";
import { deleteRange } from "./commands/delete-range.ts";
import { diff } from "./commands/diff.ts";
import { erase } from "./commands/erase.ts";
import { exportCommand } from "./commands/export.ts";
import { get } from "./commands/get.ts";
import { history } from "./commands/history.ts";
import { importCommand } from "./commands/import.ts";
import { put } from "./commands/put.ts";
import { repairCommand } from "./commands/repair.ts";
import { restore } from "./commands/restore.ts";
import { retention } from "./commands/retention.ts";
import { retract } from "./commands/retract.ts";
import { scan } from "./commands/scan.ts";
import { server } from "./commands/server.ts";
import { stats } from "./commands/stats.ts";
import { token } from "./commands/token.ts";
import { compact, flush } from "./commands/upkeep.ts";
import { verifyCommand } from "./commands/verify.ts";
import { watch } from "./commands/watch.ts";
import { type CommandError, usageError } from "./failure.ts";
import type { GlobalOptions } from "./options/global.ts";
import { packageVersion } from "./version.ts";

const commands: readonly Command[] = [
  server,
  put,
  get,
  deleteCommand,
  deleteRange,
  erase,
  retract,
  scan,
  history,
  diff,
  watch,
  importCommand,
  exportCommand,
  restore,
  retention,
  stats,
  flush,
  compact,
  checkpointCommand,
  backup,
  restoreBackup,
  verifyCommand,
  repairCommand,
  token,
  bench,
];

const widthMax = 110;

/**
 * Runs the command that `argv` names.
 * @param argv without the runtime and the script
 * @throws whatever the command failed with; CommandError where `argv` makes no sense
 */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const sealed = sealArguments(argv);
  const parser = withCommands(createParser([...sealed.argv]))
    .middleware((parsed) => {
      keepLast(parsed);
      unsealParsed(parsed, sealed.unseal);
    }, false)
    .fail((message, error) => {
      if (error instanceof Error && error.name !== parserErrorName) throw error;
      throw misuse(argv, sealed.unseal(error?.message ?? message));
    });
  await parser.parseAsync();
}

/** Everything that yargs would guess is off: no numbers, no lists, no `--no-` forms, no nesting by dots. */
function createParser(argv: string[]): Argv<GlobalOptions> {
  return yargs(argv)
    .scriptName("kvts")
    .locale("en")
    .updateStrings(strings as unknown as Record<string, string>)
    .parserConfiguration({
      "boolean-negation": false,
      "dot-notation": false,
      "greedy-arrays": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage("$0 <command>\n\nA key-value store that remembers every version by its timestamp.")
    .option("json", { type: "boolean", default: false, describe: "Answer as JSON, one object a line" })
    .version(packageVersion())
    .alias("help", "h")
    .wrap(Math.min(widthMax, process.stdout.columns ?? widthMax))
    .strict()
    .demandCommand(1, "a command is missing")
    .exitProcess(false);
}

function withCommands(parser: Argv<GlobalOptions>): Argv<GlobalOptions> {
  return commands
    .reduce((extended, command) => command.addTo(extended), parser)
    .completion("completion", "Print a completion script for bash or zsh");
}

/** @param complaint what yargs said about `argv`, over several lines for some mistakes */
function misuse([first = "--help"]: readonly string[], complaint: string): CommandError {
  const command = commands.find(({ name }) => name === first);
  if (command !== undefined || first === "completion") {
    const said = once(complaint.replace(/\s*\n\s*/g, " "));
    const form =
      said.startsWith("missing arguments:") && command !== undefined ? `write \`kvts ${command.usage}\`; ` : "";
    return usageError(`${said}; ${form}\`kvts ${first} --help\` shows what is possible`);
  }
  const said = first.startsWith("-") ? complaint : `there is no command ${first}`;
  return usageError(`${said}; \`kvts --help\` lists the commands`);
}

/** yargs knows an unknown option with dashes by a name in camel case too, and tells of both. */
function once(complaint: string): string {
  const [, list] = /^unknown arguments (.*)$/.exec(complaint) ?? [];
  if (list === undefined) return complaint;
  const names = list.split(", ");
  const spelt = names.filter((name) => !names.some((other) => other !== name && camelCased(other) === name));
  return `unknown argument${spelt.length === 1 ? "" : "s"} ${spelt.join(", ")}`;
}

function camelCased(name: string): string {
  return name.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Lists of arguments; of everything else there is one. */
const lists: readonly string[] = ["_", "workloads"];

/** yargs makes a list of an option that is given twice. The last one counts, so that an alias can be overruled. */
function keepLast(parsed: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(parsed)) {
    if (Array.isArray(value) && !lists.includes(name)) parsed[name] = value.at(-1);
  }
}

/** What yargs calls its own errors. */
const parserErrorName = "YError";

/** yargs' sentences in our words. */
const strings = {
  "Unknown argument: %s": { one: "unknown argument %s", other: "unknown arguments %s" },
  "Missing required argument: %s": { one: "missing argument %s", other: "missing arguments %s" },
  "Not enough arguments following: %s": "--%s needs a value",
  "Not enough non-option arguments: got %s, need at least %s": {
    one: "missing arguments: %s given, %s needed",
    other: "missing arguments: %s given, %s needed",
  },
  "Invalid values:": "not a possible value:",
  "Argument: %s, Given: %s, Choices: %s": "--%s is %s, but may be %s",
} as const;
