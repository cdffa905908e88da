// Generates the Connect types afresh beside the committed ones, and fails naming the files that differ.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const generated = "packages/api/src/gen";

function filesOf(folder: string): Map<string, string> {
  return new Map(globSync("**/*.ts", { cwd: folder }).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function staleFiles(fresh: Map<string, string>, committed: Map<string, string>): string[] {
  const names = new Set([...fresh.keys(), ...committed.keys()]);
  return [...names].filter((name) => fresh.get(name) !== committed.get(name)).sort();
}

const scratch = mkdtempSync(join(tmpdir(), "kvts-generated-"));
try {
  const buf = spawnSync("buf", ["generate", "--output", scratch], { stdio: "inherit" });
  const stale = buf.status === 0 ? staleFiles(filesOf(join(scratch, generated)), filesOf(generated)) : [];
  if (stale.length > 0)
    console.error(`${generated} is older than the proto files: ${stale.join(", ")}. Run \`just generate\`.`);
  process.exitCode = buf.status === 0 && stale.length === 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true });
}
