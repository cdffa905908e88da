import type { ArgumentsCamelCase, Argv } from "yargs";
import type { GlobalOptions } from "./options/global.ts";

export interface Command {
  readonly name: string;
  /** Its name and positionals: `get <key>`. */
  readonly usage: string;
  /** Adds the command to a parser. */
  addTo(parser: Argv<GlobalOptions>): Argv<GlobalOptions>;
}

/** What a command consists of. */
export interface CommandDefinition<T> {
  /** Its name and positionals, as yargs writes them: `get <key>`. */
  readonly command: string;
  readonly describe: string;
  /** Declares its arguments; their types are inferred from this. */
  builder(yargs: Argv<GlobalOptions>): Argv<T>;
  /** Does its work. What it throws becomes the exit code. */
  handler(args: ArgumentsCamelCase<T>): Promise<void>;
}

export function defineCommand<T>(definition: CommandDefinition<T>): Command {
  const [name = ""] = definition.command.split(" ");
  return { name, usage: definition.command, addTo: (parser) => parser.command(definition) };
}
