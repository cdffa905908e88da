import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");
const pnpm = join(root, "node_modules/.bin/pnpm");

/** The published packages as a stranger gets them: packed, and installed in a folder of their own. */
export interface Installed {
  readonly folder: string;
  /** Runs a program of the folder with the Node named `runtime`, and gives what it printed. */
  run(runtime: string, program: string, ...programArguments: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Installs the packages together with Node runtimes, given as version by name. */
export async function installPacked(runtimes: Readonly<Record<string, string>>): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), "kvts-packed-"));
  await run(pnpm, ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", folder], { cwd: root });
  const packed = Object.fromEntries(
    (await readdir(folder)).filter(isTarball).map((name) => [packageOf(name), `file:${name}`]),
  );
  const nodes = Object.fromEntries(Object.entries(runtimes).map(([name, version]) => [name, `npm:node@${version}`]));
  const workspace = { overrides: packed, allowBuilds: { node: true }, strictDepBuilds: false };
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ type: "module", dependencies: { ...packed, ...nodes } }),
  );
  await writeFile(join(folder, "pnpm-workspace.yaml"), JSON.stringify(workspace));
  await cp(join(import.meta.dirname, "consumer"), folder, { recursive: true });
  await run(pnpm, ["install", "--no-frozen-lockfile"], { cwd: folder });
  return {
    folder,
    run: async (runtime, program, ...programArguments) => {
      const node = join(folder, "node_modules", runtime, "bin/node");
      return (await run(node, [program, ...programArguments], { cwd: folder, timeout: 60_000 })).stdout;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

const isTarball = (name: string): boolean => name.endsWith(".tgz");

/** `kvts-db-1.2.3.tgz` holds `@kvts/db`. */
const packageOf = (tarball: string): string => tarball.replace(/^kvts-([a-z]+)-.*$/, "@kvts/$1");
