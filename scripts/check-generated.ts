// Generates the Connect types afresh beside the committed ones, and fails naming the files that differ.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const generated = "packages/api/src/gen";

function filesOf(folder: string): Map<string, string> {
  const names = globSync("**/*.ts", { cwd: folder }).sort();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

const scratch = mkdtempSync(join(tmpdir(), "kvts-generated-"));
try {
  const buf = spawnSync("buf", ["generate", "--output", scratch], { stdio: "inherit" });
  if (buf.status !== 0) process.exit(1);
  const fresh = filesOf(join(scratch, generated));
  const committed = filesOf(generated);
  const stale = [...new Set([...fresh.keys(), ...committed.keys()])].filter(
    (name) => fresh.get(name) !== committed.get(name),
  );
  if (stale.length > 0) {
    console.error(`${generated} is not what the proto files say: ${stale.join(", ")}. Run \`just generate\`.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true });
}
