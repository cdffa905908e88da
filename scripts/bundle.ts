import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";

/*
 * Bundles a package's entry points into `dist`, beside the declarations that tsc writes there if it has any: node takes
 * longer to find and compile two hundred small modules than to do everything else that opening a store takes. What entry
 * points share is in chunks; other packages stay outside. Run in the package's folder:
 *
 *     node ../../scripts/bundle.ts --platform node index=src/index.ts …
 */

const { values, positionals } = parseArgs({
  options: { platform: { type: "string" } },
  allowPositionals: true,
});
const platform = values.platform;
if (platform !== "node" && platform !== "neutral") throw new Error("--platform is node or neutral");

const entryPoints = positionals.map((entry) => {
  const [out, source] = entry.split("=");
  if (out === undefined || source === undefined) throw new Error(`an entry point is NAME=SOURCE, not ${entry}`);
  return { out, in: source };
});

const dist = "dist";
await mkdir(dist, { recursive: true });
for (const name of await readdir(dist)) if (name.endsWith(".js")) await rm(join(dist, name));
await build({
  entryPoints,
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  platform,
  target: "es2023",
  packages: "external",
  // Beside the entry points: a module that finds another file by its own address finds it from a chunk too.
  chunkNames: "chunk-[hash]",
});
