import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Block, blocksOf, commandsOf, isShown, promisedBy } from "./docs/blocks.ts";
import { becomePackage, openWorkshop, programOf, type Workshop } from "./docs/workshop.ts";
import { temporaryDirectory } from "./server-process.ts";

/*
 * What documents show is run: each `ts` block is a program that prints what its comments `// → …` say, and each `console`
 * block is commands behind `$ `, with what they print below them. Blocks of one document are run in order, on one server,
 * in one directory; a program without imports is given `db`, an open store of its own. `…` stands for what differs from
 * run to run. Blocks of any other language are not run.
 */

const repository = join(import.meta.dirname, "../..");
const pages = globSync(["README.md", "docs/*.md", "packages/*/README.md"], { cwd: repository })
  .map((name) => ({ name, markdown: textOf(name) }))
  .sort((a, b) => a.name.localeCompare(b.name));
const documents = pages
  .map(({ name, markdown }) => ({ name, blocks: blocksOf(markdown) }))
  .filter(({ blocks }) => blocks.length > 0);

function textOf(name: string): string {
  return readFileSync(join(repository, name), "utf8");
}

const timeout = 60_000;

describe.each(documents)("$name", ({ blocks }) => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await openWorkshop(blocks);
  }, timeout);
  afterAll(() => workshop[Symbol.asyncDispose](), timeout);

  test.each(blocks)("the $language block in line $line does what it shows", { timeout }, async (block) => {
    const outcome = await workshop.run(block);
    expect(outcome?.actual).toBe(outcome?.shown);
  });

  test("no block is without a promise", () => {
    expect(blocks.filter((block) => !isPromising(block)).map(({ line }) => line)).toEqual([]);
  });
});

function isPromising({ language, code }: Block): boolean {
  return language === "ts" ? promisedBy(code) !== "" : commandsOf(code).length > 0;
}

test("the documents that every reader meets have something to run", () => {
  const names = documents.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["README.md", "docs/api.md", "docs/semantics.md"]));
});

test("links lead somewhere", () => {
  const broken = pages.flatMap(({ name, markdown }) =>
    [...markdown.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].filter(([, path = "", heading]) => {
      const target = path === "" ? name : join(dirname(name), path);
      if (!existsSync(join(repository, target))) return true;
      return heading !== undefined && !headingsOf(textOf(target)).includes(heading);
    }),
  );
  expect(broken.map(([link]) => link)).toEqual([]);
});

/** Headings as links name them. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

test("docs/internals.md lists every invariant of the engine, and no two have one name", () => {
  const sources = globSync("packages/db/src/**/*.ts", { cwd: repository }).filter((name) => !name.endsWith(".test.ts"));
  const asserted = sources.flatMap((name) =>
    [...textOf(name).matchAll(/(["`])([A-Z]{1,2}\d+: .*?)\1/g)].map(([, , said]) => said!.replace(/\$\{.*?\}/g, "…")),
  );
  const internals = textOf("docs/internals.md");
  const listed = [...internals.matchAll(/^\| ([A-Z]{1,2}\d+) \| (.*) \|$/gm)].map(
    ([, name, said]) => `${name}: ${said}`,
  );
  expect(listed.toSorted()).toEqual([...new Set(asserted)].sort());
  expect(new Set(listed.map((line) => line.split(":")[0])).size).toBe(listed.length);
});

test("the programs are sound TypeScript", { timeout }, async () => {
  await using directory = await temporaryDirectory();
  await becomePackage(directory.path);
  for (const { name, blocks } of documents) {
    for (const block of blocks.filter(({ language }) => language === "ts")) {
      const file = `${name.replace(/\W+/g, "-")}-${block.line}.ts`;
      await writeFile(join(directory.path, file), `${programOf(block)}\nexport {};\n`);
    }
  }
  const typeRoots = [join(repository, "node_modules/@types")];
  const compilerOptions = { noEmit: true, typeRoots, types: ["node"] };
  const config = { extends: join(repository, "tsconfig.base.json"), compilerOptions, include: ["*.ts"] };
  await writeFile(join(directory.path, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, "-p", directory.path]).catch((error) => error);
  expect(stdout).toBe("");
});

describe("what is shown", () => {
  test.each([
    ["a {…} c", "a {1, 2} c", true],
    ["a {…} c", "a {1,\n2} c", false],
    ["…", "any\nlines", true],
    ["first\n…\nlast", "first\n1\n2\nlast", true],
    ["first\n…\nlast", "first\n1\n2", false],
    ["a (b) | c*", "a (b) | c*", true],
    ["a  b", "a\tb\r\n", true],
    ["a", "ab", false],
    ["a", "ba", false],
    ["", "a", false],
  ])("%j for %j: %j", (shown, actual, expected) => {
    expect(isShown(shown, actual)).toBe(expected);
  });

  test("commands are told from their output, and go on behind a backslash and within quotes", () => {
    expect(commandsOf("$ one \\\n  two\nout\nput\n$ three 'a\n  b'\n'out'\n$ four\n")).toEqual([
      { command: "one \\\n  two", output: "out\nput" },
      { command: "three 'a\n  b'", output: "'out'" },
      { command: "four", output: "" },
    ]);
    expect(() => commandsOf("output\n$ one\n")).toThrow("without a command");
  });

  test("blocks are found with the line they begin in", () => {
    const markdown = "# x\n\n```ts\na // → 1\n```\n```sh\nno\n```\n```console\n$ b\n```\n";
    expect(blocksOf(markdown)).toEqual([
      { language: "ts", code: "a // → 1\n", line: 4 },
      { language: "console", code: "$ b\n", line: 10 },
    ]);
  });
});
