import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import type * as client from "@kvts/client/http";
import { createModelStore } from "@kvts/db/testing";
import { serve } from "@kvts/server";
import { build, type Metafile } from "esbuild";
import { describe, expect, test } from "vitest";

/** What a page pays for a client, minified; and as it travels. Raise them knowingly. */
const bytesMax = 72 * 1024;
const gzippedBytesMax = 24 * 1024;

interface Bundle {
  readonly code: string;
  readonly metafile: Metafile;
}

/** Everything that a page needs of `specifier`, as a script that leaves the exports in `kvts`. */
async function bundle(specifier: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from ${JSON.stringify(specifier)};`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    platform: "browser",
    target: "es2022",
    format: "iife",
    globalName: "kvts",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  return { code: outputFiles[0]!.text, metafile };
}

/** What a page has; of Node there is nothing. */
const pageGlobals = {
  AbortController,
  AbortSignal,
  DOMException,
  Headers,
  TextDecoder,
  TextEncoder,
  URL,
  Uint8Array,
  clearTimeout,
  console,
  crypto,
  fetch,
  performance,
  setTimeout,
};

function run({ code }: Bundle): typeof client {
  return runInNewContext(`${code};kvts`, { ...pageGlobals }) as typeof client;
}

describe.each(["@kvts/client", "@kvts/client/http"])("%s in a browser", { timeout: 30_000 }, (specifier) => {
  test("imports nothing of Node, and no protobuf", async () => {
    const { metafile } = await bundle(specifier);
    const inputs = Object.entries(metafile.inputs);
    const imported = inputs.flatMap(([, { imports }]) => imports.map(({ path }) => path));
    expect(imported.filter((path) => path.startsWith("node:"))).toEqual([]);
    expect(inputs.map(([path]) => path).filter((path) => /connectrpc|bufbuild|packages\/api/.test(path))).toEqual([]);
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
    expect(inputs.length).toBeGreaterThan(10);
  });

  test("stays small", async () => {
    const { code } = await bundle(specifier);
    expect(Buffer.byteLength(code)).toBeLessThan(bytesMax);
    expect(gzipSync(code).length).toBeLessThan(gzippedBytesMax);
  });

  test("runs where there is nothing of Node", async () => {
    await using server = await serve(createModelStore(), { port: 0, httpPort: 0 });
    const { connectHttp, isKvtsError } = run(await bundle(specifier));
    await using store = connectHttp(server.httpUrl);
    await store.put("a/..", "value1", { timestamp: 100 });
    await store.put("a/..", Uint8Array.of(0, 255), { timestamp: 101 });
    expect(await store.get("a/..", { asOf: 99 })).toBeUndefined();
    expect((await store.get("a/..", { asOf: 100 }))?.text()).toBe("value1");
    expect(Array.from((await store.get("a/.."))!.value)).toEqual([0, 255]);
    expect((await store.scan({ prefix: "a" }).toArray()).map(({ timestamp }) => timestamp)).toEqual([101]);
    const error: unknown = await store.get("").catch((reason: unknown) => reason);
    expect(isKvtsError(error, "INVALID_ARGUMENT")).toBe(true);
  });
});

test("the package's root has in a browser what it has there, and no gRPC", async () => {
  const exports = run(await bundle("@kvts/client"));
  expect(Object.keys(exports).sort()).toEqual([
    "KvtsError",
    "connectHttp",
    "decodeTuple",
    "encodeTuple",
    "isKvtsError",
    "json",
    "text",
    "tuple",
    "tupleRange",
  ]);
});
