import { execFile } from "node:child_process";
import { once } from "node:events";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  ErrorInfoSchema,
  KvService,
  type PipelineAnswerSchema,
  type PipelineCall,
  type PipelineRequest,
} from "@kvts/api";
import { utf8 } from "@kvts/common";
import { expect, test, vi } from "vitest";
import { connect } from "../connect.ts";
import { type GrpcServer, grpcServer } from "../testing/grpc-server.ts";

vi.setConfig({ testTimeout: 30_000 });

type Answer = NonNullable<MessageInitShape<typeof PipelineAnswerSchema>["outcome"]>;
type Answering = (call: PipelineCall, stream: number) => Answer | undefined | Promise<Answer | undefined>;

interface PipelineServer extends GrpcServer {
  /** The frames of each stream. */
  readonly streams: PipelineRequest[][];
  /** Calls that came alone. */
  readonly alone: string[];
}

const written: Answer = { case: "put", value: { timestamp: 5n, seq: 6n } };

/** A server of pipelines; undefined is no answer at all. */
async function pipelineServer(answer: Answering): Promise<PipelineServer> {
  const streams: PipelineRequest[][] = [];
  const alone: string[] = [];
  const handlers: Partial<ServiceImpl<typeof KvService>> = {
    put({ requestId }) {
      alone.push(requestId);
      return { timestamp: 5n, seq: 6n };
    },
    async *pipeline(frames) {
      const index = streams.push([]) - 1;
      for await (const frame of frames) {
        streams[index]!.push(frame);
        // The last call is answered first: clients go by the id.
        for (const call of frame.calls.toReversed()) {
          const outcome = await answer(call, index);
          if (outcome !== undefined) yield { answers: [{ id: call.id, outcome }] };
        }
      }
    },
  };
  const server = await grpcServer((router) => router.service(KvService, handlers));
  return { ...server, streams, alone };
}

const entryOf = (key: Uint8Array): Answer => ({
  case: "get",
  value: { version: { key, value: key, timestamp: 1n, seq: 1n } },
});

const echo: Answering = ({ method }) => (method.case === "get" ? entryOf(method.value.key) : written);

test("calls made in one go travel in one frame, and each gets its own answer", async () => {
  await using server = await pipelineServer(echo);
  await using store = connect(server.url);
  const gets = Array.from({ length: 50 }, (_, i) => store.get(`k${i}`));
  const puts = Array.from({ length: 50 }, (_, i) => store.put(`k${i}`, "v"));
  expect((await Promise.all(gets)).map((entry) => entry?.text())).toEqual(Array.from(gets, (_, i) => `k${i}`));
  for (const result of await Promise.all(puts)) expect(result).toEqual({ timestamp: 5, seq: 6 });
  expect(server.streams.map((frames) => frames.map(({ calls }) => calls.length))).toEqual([[100]]);
  await Promise.all([store.get("a"), Promise.resolve().then(() => store.get("b"))]);
  expect(server.streams.map((frames) => frames.map(({ calls }) => calls.length))).toEqual([[100, 2]]);
  const ids = server.streams.flat().flatMap(({ calls }) => calls.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

test("a frame holds a thousand calls and a quarter of a megabyte at most", async () => {
  await using server = await pipelineServer(echo);
  await using store = connect(server.url);
  await Promise.all(Array.from({ length: 2500 }, (_, i) => store.get(`k${i}`)));
  expect(server.streams[0]!.map(({ calls }) => calls.length)).toEqual([1000, 1000, 500]);
  await Promise.all(Array.from({ length: 10 }, () => store.put("k", new Uint8Array(60_000))));
  expect(server.streams[0]!.slice(3).map(({ calls }) => calls.length)).toEqual([4, 4, 2]);
});

test("large calls, and all calls where that is wanted, travel alone", async () => {
  await using server = await pipelineServer(echo);
  await using store = connect(server.url);
  await store.put("k", new Uint8Array(70_000));
  await using single = connect(server.url, { coalesce: false });
  await Promise.all([single.put("k", "v"), single.put("k", "v")]);
  expect([server.alone.length, server.streams]).toEqual([3, []]);
});

test("an error is that of its call alone", async () => {
  const info = create(ErrorInfoSchema, {
    reason: "HISTORY_TRIMMED",
    domain: "kvts",
    metadata: { oldestReadable: "5" },
  });
  await using server = await pipelineServer(({ method }) => {
    if (method.case !== "get" || method.value.key[0] === 0x6b) return entryOf(utf8("k"));
    return { case: "error", value: { code: Code.OutOfRange, message: "too old", info } };
  });
  await using store = connect(server.url);
  const [good, bad] = await Promise.allSettled([store.get("k"), store.get("old")]);
  expect(good.status).toBe("fulfilled");
  expect(bad).toMatchObject({
    reason: { code: "HISTORY_TRIMMED", message: "too old", details: { oldestReadable: 5 } },
  });
});

test("a call that the store does not know fails by itself, once, and others go on together", async () => {
  const info = create(ErrorInfoSchema, { reason: "UNIMPLEMENTED", domain: "kvts" });
  await using server = await pipelineServer(({ method }) => {
    if (method.case === "get") return entryOf(method.value.key);
    return { case: "error", value: { code: Code.Unimplemented, message: "written by a newer version", info } };
  });
  await using store = connect(server.url);
  await expect(store.put("k", "v")).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  await Promise.all([store.get("a"), store.get("b")]);
  expect([server.alone, server.streams.map((frames) => frames.map(({ calls }) => calls.length))]).toEqual([
    [],
    [[1, 2]],
  ]);
});

test("a deadline is that of its call alone, and what comes later is ignored", async () => {
  let release: (answer: Answer) => void = () => {};
  await using server = await pipelineServer(({ method }) => {
    if (method.case === "get") return entryOf(method.value.key);
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  await using store = connect(server.url, { retry: { triesMax: 1 } });
  // It comes last, and so is looked at first: what follows waits for it.
  const reading = store.get("k");
  const late = store.put("k", "v", { timeoutMs: 30 });
  await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", details: { indeterminate: true } });
  release(written);
  expect((await reading)?.text()).toBe("k");
  const [ofGet, ofPut] = server.streams[0]![0]!.calls.map(({ timeoutMs }) => timeoutMs);
  // What is left of it when the frame goes out.
  expect(ofPut).toBeLessThanOrEqual(30);
  expect(ofGet).toBeGreaterThan(20_000);
});

test("a signal calls off its call alone, and keeps no listener", async () => {
  await using server = await pipelineServer(({ method }) => {
    return method.case === "get" && method.value.key[0] === 0x6b ? entryOf(method.value.key) : undefined;
  });
  await using store = connect(server.url);
  const controller = new AbortController();
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  const added = vi.spyOn(controller.signal, "addEventListener");
  expect((await store.get("k", { signal: controller.signal }))?.text()).toBe("k");
  expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  const calls = [store.get("never", { signal: controller.signal }), store.get("k")] as const;
  setTimeout(() => controller.abort(), 20);
  await expect(calls[0]).rejects.toMatchObject({ code: "CANCELLED" });
  expect((await calls[1])?.text()).toBe("k");
});

test("what was under way on a lost stream is sent again on a new one, writes under their ids", async () => {
  const ids: string[] = [];
  await using server = await pipelineServer(({ method }, stream) => {
    if (method.case === "put") ids.push(method.value.requestId);
    if (stream > 0) return method.case === "get" ? entryOf(method.value.key) : written;
    for (const session of server.sessions) session.destroy();
    return undefined;
  });
  await using store = connect(server.url);
  const [entry, result] = await Promise.all([store.get("k"), store.put("k", "v")]);
  expect([entry?.text(), result]).toEqual(["k", { timestamp: 5, seq: 6 }]);
  expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
});

test("without another try a write on a lost stream is in doubt, and a read is not", async () => {
  await using server = await pipelineServer(() => {
    for (const session of server.sessions) session.destroy();
    return undefined;
  });
  await using store = connect(server.url, { retry: { triesMax: 1 } });
  const [put, get] = await Promise.allSettled([store.put("k", "v"), store.get("k")]);
  expect(put).toMatchObject({ reason: { code: "UNAVAILABLE", details: { indeterminate: true } } });
  expect(get).toMatchObject({ reason: { code: "UNAVAILABLE", details: {} } });
});

test("a stream that the server ends is replaced by the next call", async () => {
  let streams = 0;
  await using server = await grpcServer((router) =>
    router.service(KvService, {
      async *pipeline(frames) {
        streams++;
        for await (const { calls } of frames) {
          yield { answers: calls.map(({ id }) => ({ id, outcome: written })) };
          return;
        }
      },
    }),
  );
  await using store = connect(server.url);
  for (let i = 0; i < 3; i++) expect(await store.put("k", "v")).toEqual({ timestamp: 5, seq: 6 });
  await expect.poll(() => streams).toBe(3);
});

test.each<[string, Answer]>([
  ["of another method", { case: "delete", value: { timestamp: 1n, seq: 1n } }],
  ["that says nothing", { case: undefined }],
  ["with a seq that cannot be", { case: "put", value: { timestamp: 1n, seq: -1n } }],
])("an answer %s is told as what it is", async (_what, outcome) => {
  await using server = await pipelineServer(() => outcome);
  await using store = connect(server.url);
  await expect(store.put("k", "v")).rejects.toMatchObject({ code: "INTERNAL" });
});

test("a program that is done ends, though its stream is still open", async () => {
  await using server = await pipelineServer(echo);
  const client = JSON.stringify(new URL("../connect.ts", import.meta.url).href);
  const script = `import { connect } from ${client}; console.log((await connect("${server.url}").get("k")).text());`;
  const child = execFile(process.execPath, ["--input-type=module", "--eval", script], { timeout: 20_000 });
  const [code] = await once(child, "close");
  expect([code, server.streams.length]).toEqual([0, 1]);
});
