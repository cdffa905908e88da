import { spawn } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type ServerProcess, startServer, temporaryDirectory } from "../server-process.ts";
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

/** @param blocks those that are going to be run: a server is started where any of them calls one */
export async function openWorkshop(blocks: readonly Block[]): Promise<Workshop> {
  const directory = await temporaryDirectory();
  const dbPath = join(directory.path, "data");
  const server = blocks.some(needsServer) ? await startServer({ dbPath, flags: ["--log-level", "warn"] }) : undefined;
  const tools = join(directory.path, "tools");
  await mkdir(tools);
  await addTool(tools, "kvts", kvts);
  await addTool(tools, "curl", join(here, "curl.ts"));
  await becomePackage(directory.path);
  const bench = { folder: directory.path, environment: environmentOf(tools, server), ports: portsOf(server) };
  return {
    run: (block) => (block.language === "ts" ? runProgram(bench, block) : runCommands(bench, block)),
    async [Symbol.asyncDispose]() {
      await server?.stop();
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
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Addresses of documents, and those of the server that stand in for them. */
  readonly ports: readonly (readonly [documented: string, real: string])[];
}

function needsServer({ language, code }: Block): boolean {
  return language === "console" || Object.values(documented).some((address) => code.includes(address));
}

function portsOf(server: ServerProcess | undefined): Bench["ports"] {
  if (server === undefined) return [];
  return [
    [documented.grpc, new URL(server.grpcUrl).host],
    [documented.http, new URL(server.httpUrl).host],
  ];
}

async function addTool(folder: string, name: string, file: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${file}' "$@"\n`);
  await chmod(path, 0o755);
}

/** A user's environment, in which the server is where `kvts` looks for one. */
function environmentOf(tools: string, server: ServerProcess | undefined): NodeJS.ProcessEnv {
  const usual = Object.entries(process.env).filter(([name]) => !/^(?:KVTS_|INIT_CWD$|NODE_OPTIONS$)/.test(name));
  return {
    ...Object.fromEntries(usual),
    PATH: `${tools}:${process.env.PATH}`,
    ...(server === undefined ? {} : { KVTS_URL: server.grpcUrl }),
  };
}

/** A block's program as a file. Without imports it is given `db`, a store of its own. */
export function programOf({ code, line }: Block): string {
  if (/^import /m.test(code)) return code;
  return `import { open } from "@kvts/db";\nawait using db = await open("./example-${line}");\n${code}`;
}

async function runProgram({ folder, environment, ports }: Bench, block: Block): Promise<Outcome | undefined> {
  const file = join(folder, `program-${block.line}.ts`);
  await writeFile(file, withPorts(programOf(block), ports));
  const actual = await outputOf(process.execPath, [file], folder, environment);
  return differing(promisedBy(block.code), withoutPorts(actual, ports));
}

async function runCommands({ folder, environment, ports }: Bench, block: Block): Promise<Outcome | undefined> {
  for (const { command, output } of commandsOf(block.code)) {
    const actual = await outputOf("sh", ["-c", withPorts(command, ports)], folder, environment);
    const outcome = differing(`$ ${command}\n${output}`, `$ ${command}\n${withoutPorts(actual, ports)}`);
    if (outcome !== undefined) return outcome;
  }
  return undefined;
}

function differing(shown: string, actual: string): Outcome | undefined {
  return isShown(shown, actual) ? undefined : { shown: shown.trim(), actual: actual.trim() };
}

function withPorts(code: string, ports: Bench["ports"]): string {
  return ports.reduce((text, [documented, real]) => text.replaceAll(documented, real), code);
}

function withoutPorts(output: string, ports: Bench["ports"]): string {
  return ports.reduce((text, [documented, real]) => text.replaceAll(real, documented), output);
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
