import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("every answer agrees with the files", { timeout: 120_000 }, async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main]);
  expect(stderr).toBe("");
  expect(stdout).toContain("560 versions imported from stocks.csv");
  expect(stdout).toContain("What did MSFT cost on 2005-03-15? 22.24");
  expect(stdout).toContain("What did MSFT cost on 1999-12-31? nothing was known yet");
  expect(stdout).toContain("1680 as-of reads agree with the file");
  expect(stdout).toContain("200,000 versions imported");
  expect(stdout).toContain("the last delay before noon is right for every distance");
});
