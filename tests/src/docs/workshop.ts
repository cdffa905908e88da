import { spawn } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type ServerProcess, startServer, type TemporaryDirectory, temporaryDirectory } from "../server-process.ts";
import { type Block, commandsOf, isShown, promisedBy } from "./blocks.ts";

const here = import.meta.dirname;
const repository = join(here, "../../..");
const kvts = join(dirname(fileURLToPath(import.meta.resolve("@kvts/cmd/package.json"))), "dist/main.js");

/** The addresses that documents name. */
const documented = { grpc: "127.0.0.1:50051", http: "127.0.0.1:3000" } as const;

/** What a block did, beside what its document says. */
export interface Outcome {
  readonly shown: string;
  readonly actual: string;
}

/** Where the blocks of one document are run, one after the other: a directory, a server, and commands of ours. */
export interface Workshop extends AsyncDisposable {
  /** Runs a block, and returns where it does something else than its document says. */
  run(block: Block): Promise<Outcome | undefined>;
}

export async function openWorkshop(): Promise<Workshop> {
  const directory = await temporaryDirectory();
  const server = await startServer({ dbPath: join(directory.path, "data"), flags: ["--log-level", "warn"] });
  const tools = join(directory.path, "tools");
  await mkdir(tools);
  await addTool(tools, "kvts", kvts);
  await addTool(tools, "curl", join(here, "curl.ts"));
  await becomePackage(directory.path);
  const bench = { directory, server, environment: environmentOf(tools, server) };
  return {
    run: (block) => (block.language === "ts" ? runProgram(bench, block) : runCommands(bench, block)),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Lets programs in `folder` import the packages of this repository, as they would once those are installed. */
export async function becomePackage(folder: string): Promise<void> {
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  await symlink(join(repository, "tests/node_modules"), join(folder, "node_modules"));
}

interface Bench {
  readonly directory: TemporaryDirectory;
  readonly server: ServerProcess;
  readonly environment: NodeJS.ProcessEnv;
}

async function addTool(folder: string, name: string, file: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${file}' "$@"\n`);
  await chmod(path, 0o755);
}

/** A user's environment, in which the server is where `kvts` looks for one. */
function environmentOf(tools: string, { grpcUrl }: ServerProcess): NodeJS.ProcessEnv {
  const usual = Object.entries(process.env).filter(([name]) => !/^(?:KVTS_|INIT_CWD$|NODE_OPTIONS$)/.test(name));
  return { ...Object.fromEntries(usual), PATH: `${tools}:${process.env.PATH}`, KVTS_URL: grpcUrl };
}

/** A block's program as a file. Without imports it is given `db`, a store of its own. */
export function programOf({ code, line }: Block): string {
  if (/^import /m.test(code)) return code;
  return `import { open } from "@kvts/db";\nawait using db = await open("./example-${line}");\n${code}`;
}

async function runProgram({ directory, server, environment }: Bench, block: Block): Promise<Outcome | undefined> {
  const file = join(directory.path, `program-${block.line}.ts`);
  await writeFile(file, withPorts(programOf(block), server));
  const actual = await outputOf(process.execPath, [file], directory.path, environment);
  return differing(promisedBy(block.code), withoutPorts(actual, server));
}

async function runCommands({ directory, server, environment }: Bench, block: Block): Promise<Outcome | undefined> {
  for (const { command, output } of commandsOf(block.code)) {
    const actual = await outputOf("sh", ["-c", withPorts(command, server)], directory.path, environment);
    const outcome = differing(`$ ${command}\n${output}`, `$ ${command}\n${withoutPorts(actual, server)}`);
    if (outcome !== undefined) return outcome;
  }
  return undefined;
}

function differing(shown: string, actual: string): Outcome | undefined {
  return isShown(shown, actual) ? undefined : { shown: shown.trim(), actual: actual.trim() };
}

function withPorts(code: string, { grpcUrl, httpUrl }: ServerProcess): string {
  return code.replaceAll(documented.grpc, new URL(grpcUrl).host).replaceAll(documented.http, new URL(httpUrl).host);
}

function withoutPorts(output: string, { grpcUrl, httpUrl }: ServerProcess): string {
  return output.replaceAll(new URL(grpcUrl).host, documented.grpc).replaceAll(new URL(httpUrl).host, documented.http);
}

/** Everything that a command prints, as a terminal shows it. */
async function outputOf(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
  const printed = await Promise.all([text(child.stdout), text(child.stderr)]);
  return printed
    .map((part) => part.trimEnd())
    .filter((part) => part !== "")
    .join("\n");
}
