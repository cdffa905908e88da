import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, connectHttp } from "@kvts/client";
import { expect, test } from "vitest";
import { startServer, temporaryDirectory } from "./server-process.ts";

const key = "patient:4711-Zwiebelkuchen";
/** Long, and of bytes that no compression makes fewer of: whatever block they get into, they stand there as they are. */
const noise = Uint8Array.from({ length: 30_000 }, (_, at) => (Math.imul(at + 1, 2654435761) >>> 13) & 0xff);
const words = "Geheimnis um den Kuchen";

/** The files below a directory in which the key or any piece of a value stands. */
async function leaks(directory: string): Promise<string[]> {
  const needles = [key, words, noise.subarray(0, 12), noise.subarray(29_000, 29_012)].map((each) => Buffer.from(each));
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((each) => each.isFile());
  const found = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const bytes = await readFile(join(parentPath, name));
      return needles.some((needle) => bytes.includes(needle)) ? [name] : [];
    }),
  );
  return found.flat();
}

test.each(["grpc", "http"] as const)(
  "what is erased over %s is in no file any more",
  { timeout: 60_000 },
  async (face) => {
    await using directory = await temporaryDirectory();
    await using server = await startServer({ dbPath: directory.path, flags: ["--log-level", "debug"] });
    await using store = face === "grpc" ? connect(server.grpcUrl) : connectHttp(server.httpUrl);
    await store.put("patient:1", "stays", { timestamp: 100 });
    await store.put(key, noise, { timestamp: 100 });
    await store.put(key, words, { timestamp: 200 });
    await fetch(`${server.httpUrl}/v1/admin/flush`, { method: "POST" });
    await store.put(key, noise, { timestamp: 300 });
    await store.delete(key, { timestamp: 400 });
    expect((await leaks(directory.path)).length).toBeGreaterThan(1);

    await store.erase(face === "grpc" ? { key } : { prefix: "patient:4" });
    expect(await leaks(directory.path)).toEqual([]);
    expect((await store.get("patient:1"))?.text()).toBe("stays");
    // Who reads the log is none of those who may read the data.
    expect(server.log()).toContain("an operation is done");
    expect(server.log()).not.toContain("Zwiebelkuchen");
    expect(await server.stop()).toBe(0);
    expect(await leaks(directory.path)).toEqual([]);
  },
);

test("an erasure that a killed server had begun is finished by the next one", { timeout: 60_000 }, async () => {
  await using directory = await temporaryDirectory();
  const flags = ["--log-level", "warn"];
  await using first = await startServer({ dbPath: directory.path, flags });
  // Looks again for as long as a start may take.
  await using store = connect(first.grpcUrl, { retry: { triesMax: 1000, delayMsMax: 100 } });
  for (let part = 0; part < 20; part++) await store.put(`${key}:${part}`, noise, { timestamp: 100 });
  let onHidden = (): void => {};
  const hidden = new Promise<void>((resolve) => {
    onHidden = resolve;
  });
  const ending = store.erase({ prefix: "patient:" }, { onHidden }).then(
    () => undefined,
    (error: unknown) => error,
  );
  await hidden;
  await first.stop("SIGKILL");
  await using second = await first.restart();
  expect(await store.scan().toArray()).toEqual([]);
  const failure = await ending;
  // It was done, or the next server does not know it: then it is that one's own to finish.
  if (failure !== undefined) expect(failure).toMatchObject({ code: "OPERATION_EXPIRED" });
  await expect.poll(() => leaks(directory.path), { timeout: 20_000, interval: 100 }).toEqual([]);
  expect(await second.stop()).toBe(0);
});
