import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { exitCode, kvts, scratch, spawnKvts, startServer } from "./testing/kvts.ts";

/** A `kvts watch` that runs. */
function watching(args: readonly string[]) {
  const child = spawnKvts(["watch", ...args]);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const err = text(child.stderr);
  return {
    next: async (): Promise<string> => (await lines.next()).value as string,
    async end(signal: NodeJS.Signals) {
      child.kill(signal);
      return { code: await exitCode(child), err: await err };
    },
  };
}

describe.each(["grpcUrl", "httpUrl"] as const)("kvts watch over %s", (face) => {
  test("prints each batch as it comes, until Ctrl-C, which is no failure", { timeout: 30_000 }, async () => {
    const server = await startServer(["--db-path", join(scratch(), "data")]);
    const url = ["--url", server[face]];
    const run = async (...args: string[]) => expect(await kvts([...args, ...url])).toMatchObject({ code: 0 });
    await run("put", "user:1", "alice", "--ts", "100");
    const watch = watching([...url, "--prefix", "user:", "--initial"]);
    expect(await watch.next()).toMatch(/^#\d+ \(state\)$/);
    expect(await watch.next()).toBe("  user:1\t1970-01-01T00:00:00.000100Z\talice");
    const head = watch.next();
    await run("put", "other", "v");
    await run("delete", "user:1", "--ts", "200");
    expect(await head).toMatch(/^#\d+$/);
    expect(await watch.next()).toBe("  user:1\t1970-01-01T00:00:00.000200Z\t(deleted)");
    expect(await watch.end("SIGINT")).toEqual({ code: 0, err: "" });

    const json = watching([...url, "--after-seq", "0", "--json"]);
    expect(JSON.parse(await json.next())).toMatchObject({ items: [{ key: "user:1", timestamp: 100, value: "alice" }] });
    expect(await json.end("SIGTERM")).toEqual({ code: 0, err: "" });
    await server.stop();
  });
});

test("kvts watch of what is not there fails at once, with one sentence", { timeout: 30_000 }, async () => {
  const server = await startServer(["--db-path", join(scratch(), "data")]);
  const url = ["--url", server.grpcUrl];
  expect(await kvts(["watch", ...url, "--after-seq", "1000"])).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringMatching(/^kvts: seq 1000 is still to come; the newest is \d+\n$/),
  });
  expect(await kvts(["watch", ...url, "--after-seq", "-1"])).toMatchObject({ code: 2, out: "" });
  await server.stop();
  expect(await kvts(["watch", ...url])).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/^kvts: .*\n$/) });
});
