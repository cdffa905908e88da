import { describe, expect, test } from "vitest";
import { flagOf, resolveSettings, variableOf } from "./settings.ts";

const nowhere = { flags: {}, environment: {} };

test("the defaults", () => {
  expect(resolveSettings(nowhere)).toEqual({
    host: "127.0.0.1",
    port: 50_051,
    httpPort: 3000,
    dbPath: "./data",
    checkpointPath: undefined,
    durability: "sync",
    maxRequestBytes: 8 * 1024 * 1024,
    maxBufferedBytes: 256 * 1024 * 1024,
    maxConnections: 4096,
    maxConcurrentStreams: 1000,
    headersTimeout: 30_000,
    requestTimeout: 300_000,
    allowedHosts: [],
    corsOrigins: [],
    tlsCert: undefined,
    tlsKey: undefined,
    tlsClientCa: undefined,
    insecure: false,
    memory: 256 * 1024 * 1024,
    scrubBytesPerSecond: 4 * 1024 * 1024,
    memtableBytes: undefined,
    feedBytes: 2 ** 30,
    feedAge: 7 * 24 * 3600 * 1_000_000,
    logLevel: "info",
    acceptClock: false,
  });
});

test("the stronger place wins, setting by setting", () => {
  const text = JSON.stringify({
    port: 1,
    httpPort: 2,
    host: "file",
    dbPath: "file",
    allowedHosts: ["a", "b"],
    acceptClock: true,
  });
  const settings = resolveSettings({
    flags: { host: "flag" },
    environment: { KVTS_HOST: "variable", KVTS_HTTP_PORT: "4", KVTS_DB_PATH: "", OTHER: "x" },
    file: { path: "kvts.json", text },
  });
  expect(settings).toMatchObject({
    host: "flag",
    httpPort: 4,
    port: 1,
    dbPath: "file",
    allowedHosts: ["a", "b"],
    acceptClock: true,
  });
});

describe("what cannot be is refused with the place it came from", () => {
  test.each([
    [{ flags: { port: "0x10" }, environment: {} }, "--port must be a whole number"],
    [{ flags: {}, environment: { KVTS_HTTP_PORT: "65536" } }, "KVTS_HTTP_PORT must be a whole number"],
    [{ flags: { maxRequestBytes: "much" }, environment: {} }, '--max-request-bytes: the size "much" cannot be read'],
    [
      { flags: { maxConnections: "0" }, environment: {} },
      '--max-connections must be a whole number, at least 1, not "0"',
    ],
    [{ flags: {}, environment: { KVTS_MAX_CONCURRENT_STREAMS: "1e3" } }, "KVTS_MAX_CONCURRENT_STREAMS must be a whole"],
    [{ flags: { maxBufferedBytes: "all" }, environment: {} }, '--max-buffered-bytes: the size "all" cannot be read'],
    [{ flags: { headersTimeout: "1us" }, environment: {} }, '--headers-timeout must be from 1ms to 24d, not "1us"'],
    [{ ...nowhere, file: { path: "f", text: '{"requestTimeout": "25d"}' } }, '"requestTimeout" in f must be from 1ms'],
    [{ flags: { memory: "31MiB" }, environment: {} }, '--memory must be at least 32MiB, not "31MiB"'],
    [{ flags: {}, environment: { KVTS_MEMORY: "plenty" } }, 'KVTS_MEMORY: the size "plenty" cannot be read'],
    [{ flags: { memtableBytes: "1KiB" }, environment: {} }, '--memtable-bytes must be from 256KiB to 1GiB, not "1KiB"'],
    [{ flags: {}, environment: { KVTS_MEMTABLE_BYTES: "1TiB" } }, "KVTS_MEMTABLE_BYTES must be from 256KiB to 1GiB"],
    [{ flags: { logLevel: "loud" }, environment: {} }, "--log-level must be one of debug"],
    [{ flags: { host: "" }, environment: {} }, "--host is empty"],
    [{ flags: { acceptClock: "yes" }, environment: {} }, "--accept-clock must be one of true, false"],
    [{ ...nowhere, file: { path: "f", text: '{"port": -1}' } }, '"port" in f must be a whole number'],
    [{ ...nowhere, file: { path: "f", text: "null" } }, "must hold a JSON object"],
  ])("%j", (sources, sentence) => {
    expect(() => resolveSettings(sources)).toThrow(sentence);
  });
});

test("names in each place", () => {
  expect([flagOf("maxRequestBytes"), variableOf("maxRequestBytes")]).toEqual([
    "max-request-bytes",
    "KVTS_MAX_REQUEST_BYTES",
  ]);
});
