import { writeFile } from "node:fs/promises";
import { compileLz4 } from "./compile.ts";

/* Compiles lz4.ts into the module that the engine loads: `pnpm run wasm` after each change, and the outcome is committed. */
await writeFile(new URL("../src/table/lz4-code.ts", import.meta.url), await compileLz4());
