import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Beside the sources, so that it is on a real disk: a temporary folder may be in memory, where a sync costs nothing. */
const defaultBase = fileURLToPath(new URL("../../data", import.meta.url));

/** A folder for the stores of this process; it is removed with all that is in it when the process ends. */
export function scratchDirectory(base: string = defaultBase): string {
  const directory = join(base, `run-${process.pid}`);
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  return directory;
}
