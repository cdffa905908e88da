import { once } from "node:events";
import { type ClientHttp2Stream, connect } from "node:http2";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  DeleteRequestSchema,
  DiffRequestSchema,
  GetRequestSchema,
  ListVersionsRequestSchema,
  PipelineRequestSchema,
  PipelineResponseSchema,
  PutRequestSchema,
  ScanRequestSchema,
  WatchRequestSchema,
  WriteRequestSchema,
} from "@kvts/api";
import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { served } from "../testing/harness.ts";
import { connectionStart, data, openRequest, reset } from "../testing/http2-frames.ts";
import { envelope, raw } from "../testing/raw-calls.ts";

const key = utf8("k");
const value = utf8("v");

function message<D extends DescMessage>(schema: D, fields: MessageInitShape<D>): Uint8Array {
  return toBinary(schema, create(schema, fields));
}

function headersOf(method: string): Record<string, string> {
  return { ":path": `/kvts.v1.KvService/${method}`, "content-type": "application/grpc", te: "trailers" };
}

const put = message(PutRequestSchema, { key, value, timestamp: 5n });

describe("the fast path and Connect answer alike:", () => {
  const far = BigInt(Number.MAX_SAFE_INTEGER);
  test.each<[string, string, Uint8Array, Record<string, string>?]>([
    ["a put", "Put", put],
    ["a put of nothing", "Put", message(PutRequestSchema, { key })],
    ["a put without a key", "Put", message(PutRequestSchema, { value })],
    ["a put far in the future", "Put", message(PutRequestSchema, { key, value, timestamp: far })],
    [
      "a put under a condition that fails",
      "Put",
      message(PutRequestSchema, { key, value, condition: { kind: { case: "ifSeq", value: 99n } } }),
    ],
    ["a get", "Get", message(GetRequestSchema, { key })],
    ["a get as of a moment", "Get", message(GetRequestSchema, { key, asOf: 1n })],
    ["a get of an absent key", "Get", message(GetRequestSchema, { key: utf8("absent") })],
    ["a get at a seq to come", "Get", message(GetRequestSchema, { key, atSeq: far })],
    ["a history", "ListVersions", message(ListVersionsRequestSchema, { key, pageSize: 5 })],
    ["a history of an odd page size", "ListVersions", message(ListVersionsRequestSchema, { key, pageSize: -1 })],
    ["a scan", "Scan", message(ScanRequestSchema, { range: { prefix: key } })],
    ["a scan of a range in both forms", "Scan", message(ScanRequestSchema, { range: { prefix: key, start: key } })],
    ["a diff", "Diff", message(DiffRequestSchema, { from: 1n, to: 5n })],
    ["a diff without moments", "Diff", message(DiffRequestSchema, {})],
    ["a delete", "Delete", message(DeleteRequestSchema, { key, timestamp: 7n })],
    ["a batch of nothing", "Write", message(WriteRequestSchema, {})],
    ["a deadline that is none", "Get", message(GetRequestSchema, { key }), { "grpc-timeout": "99999999H" }],
    ["a broken deadline", "Get", message(GetRequestSchema, { key }), { "grpc-timeout": "soon" }],
  ])("%s", async (_what, method, body, more = {}) => {
    // The fast path leaves a media type in any other spelling to Connect.
    const [fast, slow] = await Promise.all(
      [{}, { "content-type": "application/GRPC" }].map(async (path) => {
        const { server, store } = await served({ clock: { now: () => 1_700_000_000_000_000 } });
        await store.put("k", "before", { timestamp: 3, expiresAt: 2_000_000_000_000_000 });
        const { headers, body: answer } = await raw(
          server.grpcUrl,
          { ...headersOf(method), ...more, ...path },
          envelope(body),
        );
        const { date: _date, "kvts-request-id": id, "grpc-accept-encoding": _offer, ...rest } = headers;
        expect(id).toBeTypeOf("string");
        return { rest, answer, seq: (await store.stats()).seq };
      }),
    );
    expect(fast).toEqual(slow);
  });
});

describe("bytes by hand", () => {
  async function opened(): Promise<{
    send(...frames: Uint8Array[]): Promise<void>;
    seq(): Promise<number>;
    end(): void;
  }> {
    const { server, store } = await served();
    const { hostname, port } = new URL(server.grpcUrl);
    const socket = createConnection(Number(port), hostname);
    const pseudo = { ":method": "POST", ":scheme": "http", ":authority": `${hostname}:${port}` };
    socket.write(Buffer.concat([connectionStart, openRequest(1, { ...pseudo, ...headersOf("Put") })]));
    return {
      async send(...frames) {
        for (const frame of frames) {
          socket.write(frame);
          await sleep(2);
        }
        await sleep(50);
      },
      seq: async () => (await store.stats()).seq,
      end: () => void socket.destroy(),
    };
  }

  test("a message may come in frames of one byte", async () => {
    const call = await opened();
    const bytes = [...envelope(put)].map((byte) => data(1, Uint8Array.of(byte)));
    await call.send(...bytes);
    expect(await call.seq()).toBe(0);
    await call.send(data(1, new Uint8Array(), true));
    expect(await call.seq()).toBe(1);
    call.end();
  });

  test.each([
    ["with no error", 0],
    ["as cancelled", 8],
  ])("a whole message whose call is reset %s is not carried out", async (_how, code) => {
    const call = await opened();
    await call.send(data(1, envelope(put)), reset(1, code));
    expect(await call.seq()).toBe(0);
    call.end();
  });
});

test.each<[string, Uint8Array]>([
  ["nothing", new Uint8Array()],
  ["half a head", envelope(put).subarray(0, 3)],
  ["two messages", Buffer.concat([envelope(put), envelope(put)])],
  ["a message that is compressed in no way it names", envelope(put, 1)],
  ["a message of a stream's end", envelope(put, 2)],
])("%s is refused and changes nothing", async (_what, body) => {
  const { server, store } = await served();
  const { headers } = await raw(server.grpcUrl, headersOf("Put"), body);
  expect(headers["grpc-status"]).toBe("3");
  expect(Buffer.from(headers["grpc-status-details-bin"]!, "base64").toString()).toContain("INVALID_ARGUMENT");
  expect((await store.stats()).seq).toBe(0);
});

test("a head that is split does not hide a message above the limit", async () => {
  const { server, store } = await served({ maxRequestBytes: 1024 });
  const large = envelope(message(PutRequestSchema, { key, value: new Uint8Array(5000) }));
  const { headers } = await raw(server.grpcUrl, headersOf("Put"), large);
  expect(headers["grpc-status"]).toBe("8");
  expect((await store.stats()).seq).toBe(0);
});

describe("a pipeline", () => {
  const frameOf = (...ids: number[]): Buffer =>
    envelope(
      message(PipelineRequestSchema, {
        calls: ids.map((id) => ({ id, method: { case: "put" as const, value: { key, value } } })),
      }),
    );

  /** What a stream of these bytes is answered: the ids of the calls that were carried out, and the status. */
  async function answersTo(...pieces: Uint8Array[]): Promise<{ ids: number[]; status: unknown; seq: number }> {
    const { server, store } = await served({ maxRequestBytes: 5000 });
    const session = connect(server.grpcUrl);
    const stream = session.request({ ":method": "POST", ...headersOf("Pipeline") });
    const chunks: Buffer[] = [];
    let status: unknown;
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("response", (headers) => {
      status = headers["grpc-status"];
    });
    stream.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    stream.on("error", () => {});
    for (const piece of pieces) {
      stream.write(piece);
      await sleep(1);
    }
    stream.end();
    await once(stream, "close");
    session.destroy();
    const ids: number[] = [];
    for (let rest = Buffer.concat(chunks); rest.length > 0; ) {
      const end = 5 + rest.readUInt32BE(1);
      const { answers } = fromBinary(PipelineResponseSchema, rest.subarray(5, end));
      for (const { id, outcome } of answers) if (outcome.case === "put") ids.push(id);
      rest = rest.subarray(end);
    }
    return { ids, status, seq: (await store.stats()).seq };
  }

  test("frames may come in pieces of any size", async () => {
    const bytes = Buffer.concat([frameOf(1), frameOf(2, 3), frameOf()]);
    const one = await answersTo(...[...bytes].map((byte) => Uint8Array.of(byte)));
    expect(one).toEqual({ ids: [1, 2, 3], status: "0", seq: 3 });
    expect(await answersTo(bytes)).toEqual(one);
    expect(await answersTo(bytes.subarray(0, 8), bytes.subarray(8))).toEqual(one);
  });

  test.each<[string, Buffer, string]>([
    ["a frame cut short", frameOf(2).subarray(0, -1), "3"],
    ["half a head", frameOf(2).subarray(0, 3), "3"],
    ["a frame that says it is compressed", envelope(frameOf(2).subarray(5), 1), "3"],
    ["a frame of anything else", envelope(Uint8Array.of(0x12, 1, 1)), "3"],
    ["a call that reaches beyond its frame", envelope(Uint8Array.of(0x0a, 90, 8, 1)), "3"],
    ["a frame that is announced as too large", envelope(Buffer.alloc(6000)).subarray(0, 9), "8"],
  ])("%s ends the stream, and what came before it is carried out", async (_what, bytes, expectedStatus) => {
    const { ids, status, seq } = await answersTo(frameOf(1), bytes);
    expect({ status, seq }).toEqual({ status: expectedStatus, seq: 1 });
    expect(ids).toEqual([1]);
  });

  test("a client that takes no answers sends no more, until it takes them", async () => {
    const { server, store } = await served();
    await store.put("k", new Uint8Array(100_000));
    const session = connect(server.grpcUrl);
    const stream = session.request({ ":method": "POST", ...headersOf("Pipeline") });
    stream.pause();
    const gets = Array.from(
      { length: 40 },
      (_, i) => ({ id: i + 1, method: { case: "get", value: { key } } }) as const,
    );
    for (const call of gets) {
      stream.write(envelope(message(PipelineRequestSchema, { calls: [call] })));
      await sleep(1);
    }
    stream.end();
    await sleep(50);
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.resume();
    await once(stream, "close");
    expect(bytes).toBeGreaterThan(4_000_000);
    session.destroy();
  });
});

describe("a watch", () => {
  const watching = headersOf("Watch");
  const watchAll = envelope(message(WatchRequestSchema, { afterSeq: 0n }));

  /** Waits for what becomes true soon. */
  async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await condition())) await sleep(5);
  }

  function opened(url: string): { stream: ClientHttp2Stream; bytes(): number; end(): void } {
    const session = connect(url);
    const stream = session.request({ ":method": "POST", ...watching });
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.end(watchAll);
    return { stream, bytes: () => bytes, end: () => session.destroy() };
  }

  test.each<[string, Uint8Array, Record<string, string>?]>([
    ["one up to its deadline", message(WatchRequestSchema, {}), { "grpc-timeout": "200m" }],
    ["one from a state", message(WatchRequestSchema, { initial: true }), { "grpc-timeout": "200m" }],
    ["one of a seq to come", message(WatchRequestSchema, { afterSeq: 1_000_000n })],
    ["one of another store's", message(WatchRequestSchema, { incarnation: "another" })],
    ["one of a range in both forms", message(WatchRequestSchema, { range: { prefix: key, start: key } })],
  ])("%s is answered as Connect does", async (_what, body, more = {}) => {
    const { server, store } = await served();
    await store.put("k", "v", { timestamp: 3 });
    const [fast, slow] = await Promise.all(
      [{}, { "content-type": "application/GRPC" }].map(async (path) => {
        const { headers, body: answer } = await raw(server.grpcUrl, { ...watching, ...more, ...path }, envelope(body));
        const { date: _date, "kvts-request-id": _id, "grpc-accept-encoding": _offer, ...rest } = headers;
        return { rest, answer };
      }),
    );
    expect(fast).toEqual(slow);
    expect(fast!.rest["grpc-status"]).not.toBe("0");
  });

  test("ends for the server, too, when its client leaves", async () => {
    const { server, fetch } = await served();
    const call = opened(server.grpcUrl);
    await until(() => call.bytes() > 0);
    call.stream.close(8);
    await until(async () =>
      /method="Watch"[^\n]*code="CANCELLED"[^\n]* 1\n/.test(await (await fetch("/metrics")).text()),
    );
    call.end();
  });

  test("ends with UNAVAILABLE when the server closes, having begun", async () => {
    const { server } = await served();
    const call = opened(server.grpcUrl);
    await until(() => call.bytes() > 0);
    const trailers = once(call.stream, "trailers");
    const closing = server.close();
    const [told] = (await trailers) as [Record<string, string>];
    expect(told["grpc-status"]).toBe("14");
    await closing;
    call.end();
  });

  test("waits for a client that reads slowly, and then goes on", async () => {
    const { server, store } = await served();
    const session = connect(server.grpcUrl);
    const stream = session.request({ ":method": "POST", ...watching });
    stream.pause();
    stream.end(watchAll);
    for (let i = 0; i < 40; i++) await store.put(`k${i}`, new Uint8Array(100_000));
    await sleep(100);
    stream.resume();
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await until(() => bytes > 4_000_000);
    session.destroy();
  });
});
