import { formatTime, keyToJson } from "@kvts/common";
import type { Role, TokenInfo } from "@kvts/server";
import { type Command, defineCommand } from "../command.ts";
import { usageError } from "../failure.ts";
import { decodeBytes, type KeyEncoding, withKeyEncoding } from "../options/key-encoding.ts";
import { readCount } from "../options/numbers.ts";
import { withTarget } from "../options/target.ts";
import { readDuration } from "../options/times.ts";
import { displayKey } from "../output/display.ts";
import { note } from "../output/notes.ts";
import { print } from "../output/sink.ts";
import type { TokenOffice } from "../target/token-office.ts";

const actions = ["create", "list", "revoke"] as const;
const roles: readonly Role[] = ["read", "write", "admin"];

export const token: Command = defineCommand({
  command: "token <action> [id]",
  describe: "Make, list and revoke the tokens that let callers in",
  builder: (yargs) =>
    withTarget(withKeyEncoding(yargs))
      .positional("action", { choices: actions, demandOption: true, describe: "What to do" })
      .positional("id", { type: "string", describe: "Of the token to revoke" })
      .option("role", {
        choices: roles,
        requiresArg: true,
        describe: "What a new token is for; each includes the ones before",
      })
      .option("prefix", { type: "string", requiresArg: true, describe: "Only keys that begin with this" })
      .option("name", { type: "string", requiresArg: true, describe: "Whose it is, for those who list tokens" })
      .option("expires", { type: "string", requiresArg: true, describe: "How long it is good for, such as 90d" })
      .option("rate", { type: "string", requiresArg: true, describe: "Most calls in a second" })
      .example("$0 token create --role admin --db-path ./data", "the first one; from then on a server wants one")
      .example("$0 token create --role read --prefix users:", "reads keys that begin with users:"),
  handler: async (args) => {
    const { tokenOffice } = await import("../target/token-office.ts");
    const office = tokenOffice(args);
    if (args.action !== "revoke" && args.id !== undefined)
      throw usageError(`token ${args.action} takes no id; leave it out`);
    if (args.action === "create") await create(office, args);
    else if (args.action === "list") await list(office, args);
    else await revoke(office, args);
  },
});

interface Arguments {
  readonly json: boolean;
  readonly keyEncoding: KeyEncoding;
  readonly id?: string | undefined;
  readonly role?: Role | undefined;
  readonly prefix?: string | undefined;
  readonly name?: string | undefined;
  readonly expires?: string | undefined;
  readonly rate?: string | undefined;
}

/** Prints the secret alone, so that it can go where it is wanted without being seen. */
async function create(office: TokenOffice, args: Arguments): Promise<void> {
  const { json, keyEncoding, role, prefix, name } = args;
  if (role === undefined) throw usageError(`a new token needs a --role: ${roles.join(", ")}`);
  const bytes = prefix === undefined ? undefined : decodeBytes(prefix, keyEncoding, "--prefix");
  const expiresIn = readDuration(args.expires, "--expires");
  const callsPerSecond = readCount(args.rate, "--rate");
  const { token, info } = await office.create({ role, prefix: bytes, name, expiresIn, callsPerSecond });
  await print(json ? `${JSON.stringify({ token, ...jsonOf(info) })}\n` : `${token}\n`);
  if (!json) note(`token ${info.id} is told this once; keep it where only its bearer can read it`);
}

async function list(office: TokenOffice, { json, keyEncoding }: Arguments): Promise<void> {
  for (const info of await office.list()) {
    const { id, role, prefix, name, createdAt, expiresAt, callsPerSecond } = info;
    const keys = prefix.length === 0 ? "every key" : `${displayKey(prefix, keyEncoding)}…`;
    const until = expiresAt === undefined ? [] : [`expires ${formatTime(expiresAt)}`];
    const rate = callsPerSecond === undefined ? [] : [`${callsPerSecond} calls a second`];
    const shown = [id, role, keys, formatTime(createdAt), displayKey(name, "utf8"), ...until, ...rate];
    await print(json ? `${JSON.stringify(jsonOf(info))}\n` : `${shown.join("\t")}\n`);
  }
}

async function revoke(office: TokenOffice, { json, id }: Arguments): Promise<void> {
  if (id === undefined) throw usageError("the id of the token is missing; `kvts token list` shows it");
  await office.revoke(id);
  await print(json ? `${JSON.stringify({ id, revoked: true })}\n` : `token ${id} is worthless now\n`);
}

function jsonOf({ id, name, role, prefix, createdAt, expiresAt, callsPerSecond }: TokenInfo): object {
  const { key, keyBase64 } = keyToJson(prefix) as { readonly key?: string; readonly keyBase64?: string };
  return { id, name, role, prefix: key, prefixBase64: keyBase64, createdAt, expiresAt, callsPerSecond };
}
