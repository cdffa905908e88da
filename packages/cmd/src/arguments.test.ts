import { expect, test } from "vitest";
import { sealArguments, unsealParsed } from "./arguments.ts";

test("a lone dash and what follows -- travel as tokens and come back", () => {
  const { argv, unseal } = sealArguments(["put", "key", "-", "--", "-x", "--json", "--", ""]);
  expect(argv.slice(0, 2)).toEqual(["put", "key"]);
  expect(argv).not.toContain("-");
  expect(argv.some((argument) => argument.startsWith("-"))).toBe(false);
  const parsed: Record<string, unknown> = { value: argv[2], _: argv.slice(3), json: false, count: 3 };
  unsealParsed(parsed, unseal);
  expect(parsed).toEqual({ value: "-", _: ["-x", "--json", "--", ""], json: false, count: 3 });
});

test("tokens are turned back inside a sentence", () => {
  const { argv, unseal } = sealArguments(["get", "k", "--", "--help"]);
  expect(unseal(`unknown argument ${argv[2]}!`)).toBe("unknown argument --help!");
});

test("without a lone dash or -- nothing changes", () => {
  const argv = ["put", "", "a b", "--ts", "-5m", "\\0"];
  expect(sealArguments(argv).argv).toEqual(argv);
});
