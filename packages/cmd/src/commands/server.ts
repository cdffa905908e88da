import { readFile } from "node:fs/promises";
import type { Argv } from "yargs";
import { type Command, defineCommand } from "../command.ts";
import type { GlobalOptions } from "../options/global.ts";
import { userPath } from "../paths.ts";
import { runServer } from "../server/run-server.ts";
import { flagOf, resolveSettings, type ServerSettings, serverSettings, variableOf } from "../server/settings.ts";

export const server: Command = defineCommand({
  command: "server",
  describe: "Serve a store over gRPC and HTTP",
  builder: (yargs) =>
    withSettings(yargs)
      .option("config", { type: "string", requiresArg: true, describe: "A JSON file with settings (KVTS_CONFIG)" })
      .example("$0 server", "serve ./data on ports 50051 and 3000")
      .epilogue(
        "Flags win over KVTS_* variables, and those over the config file, whose settings are named like httpPort.",
      ),
  handler: async (args) => {
    const path = args.config ?? process.env.KVTS_CONFIG;
    const file = path === undefined ? undefined : { path, text: await readFile(userPath(path), "utf8") };
    const settings = resolveSettings({ flags: args, environment: process.env, file });
    await runServer({ ...settings, dbPath: userPath(settings.dbPath) }, args.json);
  },
});

type Flags = { readonly [Name in keyof ServerSettings]?: string };

/** Declares a flag for each setting. Defaults are told, not declared: what was not typed must not look as if it was. */
function withSettings(yargs: Argv<GlobalOptions>): Argv<GlobalOptions & Flags> {
  for (const [name, { describe, byDefault }] of Object.entries(serverSettings)) {
    const fallback = byDefault === "" ? variableOf(name) : `${variableOf(name)}; ${byDefault}`;
    yargs.option(flagOf(name), { type: "string", requiresArg: true, describe: `${describe} (${fallback})` });
  }
  return yargs as Argv<GlobalOptions & Flags>;
}
