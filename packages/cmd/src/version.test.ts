import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isSupportedNode } from "./version.ts";

test("what package.json promises is what is checked", () => {
  const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(engines.node).toBe(">=22.15");
  expect(["v22.15.0", "v22.16.1", "v23.0.0", "v24.21.0", "v26.1.0"].every(isSupportedNode)).toBe(true);
  expect(["v20.19.0", "v22.14.9", "v18.0.0"].some(isSupportedNode)).toBe(false);
});
