import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const LINE_CHARS = 110;

/** lz4.ts as WebAssembly, in the form of a module: it is a part of the program, and nothing is compiled where kvts runs. */
export async function compileLz4(): Promise<string> {
  const compiler = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
  const source = fileURLToPath(new URL("./lz4.ts", import.meta.url));
  const directory = await mkdtemp(join(tmpdir(), "kvts-wasm-"));
  try {
    const out = join(directory, "lz4.wasm");
    const options = ["--outFile", out, "-O3", "--runtime", "stub", "--noAssert", "--initialMemory", "1"];
    await promisify(execFile)(process.execPath, [compiler, source, ...options]);
    return moduleText(await readFile(out, "base64"));
  } finally {
    await rm(directory, { recursive: true });
  }
}

function moduleText(base64: string): string {
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? [];
  return [
    "/** wasm/lz4.ts, compiled by `pnpm run wasm`, in base64. Change it there. */",
    "export const LZ4_CODE: string =",
    `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
    "",
  ].join("\n");
}
