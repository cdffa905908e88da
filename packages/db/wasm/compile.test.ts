import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { compileLz4 } from "./compile.ts";

test("what the engine loads is what the source says", { timeout: 60_000 }, async () => {
  const loaded = await readFile(new URL("../src/table/lz4-code.ts", import.meta.url), "utf8");
  expect(loaded, "run `pnpm run wasm` in packages/db").toBe(await compileLz4());
});
