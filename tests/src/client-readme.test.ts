import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createModelStore } from "@kvts/db/testing";
import { type Server, serve } from "@kvts/server";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "./server-process.ts";

const readme = await readFile(new URL("../../packages/client/README.md", import.meta.url), "utf8");
const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);

/** What a snippet says that it prints: its comments that begin with an arrow. */
function promised(snippet: string): string[] {
  return [...snippet.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line!);
}

describe("the client's README", { timeout: 30_000 }, () => {
  let server: Server;
  beforeAll(async () => {
    server = await serve(createModelStore(), { port: 0, httpPort: 0 });
  });
  afterAll(() => server.close());

  test("has snippets", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(2);
    expect(snippets.every((snippet) => promised(snippet).length > 0)).toBe(true);
  });

  test.each(snippets.map((snippet, i) => [i + 1, snippet] as const))(
    "snippet %i prints what it says",
    async (_, code) => {
      const contents = code
        .replaceAll("http://127.0.0.1:50051", server.grpcUrl)
        .replaceAll("http://127.0.0.1:3000", server.httpUrl);
      await using directory = await temporaryDirectory();
      const outfile = join(directory.path, "snippet.mjs");
      const stdin = { contents, loader: "ts", resolveDir: import.meta.dirname } as const;
      await build({ stdin, outfile, bundle: true, platform: "node", format: "esm", target: "node22" });
      const { stdout } = await promisify(execFile)(process.execPath, [outfile], { timeout: 20_000 });
      expect(stdout.trimEnd().split("\n")).toEqual(promised(code));
    },
  );
});
