import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { KvService, type PipelineAnswer, type PipelineCallSchema } from "@kvts/api";
import { utf8 } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { afterEach, expect, test } from "vitest";
import type { ServeOptions } from "../options.ts";
import { served } from "../testing/harness.ts";
import { grpcWay } from "../testing/transports.ts";
import { gate, overridden } from "../testing/waiting-store.ts";

type Call = MessageInitShape<typeof PipelineCallSchema>;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** One stream of frames. */
async function opened(options: ServeOptions = {}, store = createModelStore()) {
  const { server } = await served(options, store);
  const queue: { calls: Call[] }[] = [];
  let wake = (): void => undefined;
  let isEnded = false;
  const answered: number[] = [];
  async function* frames() {
    for (;;) {
      const frame = queue.shift();
      if (frame !== undefined) yield frame;
      else if (isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  const end = (): void => {
    isEnded = true;
    wake();
  };
  ends.push(end);
  const responses = createClient(KvService, grpcWay.open(server)).pipeline(frames())[Symbol.asyncIterator]();
  return {
    server,
    store,
    send(...calls: Call[]) {
      queue.push({ calls });
      wake();
    },
    /** The next `count` answers, by their ids. */
    async answers(count: number): Promise<Map<number, PipelineAnswer["outcome"]>> {
      const found = new Map<number, PipelineAnswer["outcome"]>();
      while (found.size < count) {
        const next = await responses.next();
        if (next.done === true) break;
        answered.push(next.value.answers.length);
        for (const { id, outcome } of next.value.answers) found.set(id, outcome);
      }
      return found;
    },
    /** How many answers came in each frame. */
    frames: () => answered,
    end,
  };
}

const key = utf8("k");
const value = utf8("v");

test("calls of every method, each answered as it would be alone", async () => {
  const stream = await opened();
  stream.send(
    { id: 1, method: { case: "put", value: { key, value, timestamp: 5n } } },
    { id: 2, method: { case: "delete", value: { key, timestamp: 7n } } },
    { id: 3, method: { case: "write", value: { operations: [{ kind: { case: "put", value: { key, value } } }] } } },
  );
  const written = await stream.answers(3);
  expect(written.get(1)).toMatchObject({ case: "put", value: { timestamp: 5n, seq: 1n } });
  expect(written.get(2)).toMatchObject({ case: "delete", value: { timestamp: 7n, seq: 2n } });
  expect(written.get(3)).toMatchObject({ case: "write", value: { seq: 3n } });
  stream.send(
    { id: 1, method: { case: "get", value: { key, asOf: 6n } } },
    { id: 2, method: { case: "get", value: { key, asOf: 7n } } },
    { id: 3, method: { case: "batchGet", value: { keys: [key, utf8("absent")], asOf: 5n } } },
  );
  const read = await stream.answers(3);
  expect(read.get(1)).toMatchObject({ case: "get", value: { version: { timestamp: 5n, value } } });
  expect(read.get(2)).toMatchObject({ case: "get" });
  expect(read.get(2)?.value).not.toHaveProperty("version");
  expect(read.get(3)).toMatchObject({ case: "batchGet", value: { items: [{ version: { seq: 1n } }, {}], seq: 3n } });
});

test("an error is that of its call alone, with the code and details of every other", async () => {
  const stream = await opened();
  stream.send(
    { id: 1, method: { case: "put", value: { key: new Uint8Array(), value } } },
    { id: 2, method: { case: "put", value: { key, value } } },
    { id: 3 },
  );
  const answers = await stream.answers(3);
  expect(answers.get(1)).toMatchObject({
    case: "error",
    value: { code: Code.InvalidArgument, info: { reason: "INVALID_ARGUMENT", domain: "kvts" } },
  });
  expect(answers.get(2)).toMatchObject({ case: "put" });
  expect(answers.get(3)).toMatchObject({ case: "error", value: { code: Code.InvalidArgument } });
});

test("calls begin in the order sent, and none waits for another's answer", async () => {
  const held = gate();
  const order: string[] = [];
  const model = createModelStore();
  const store = overridden(model, {
    async put(putKey, putValue, options) {
      order.push(String(putKey));
      if (order.length === 1) await held.opened;
      return model.with({ keys: "bytes" }).put(putKey, putValue, options);
    },
  });
  const stream = await opened({}, store as typeof model);
  const calls = ["a", "b", "c"].map((name, i) => {
    return { id: i, method: { case: "put", value: { key: utf8(name), value } } } as const;
  });
  stream.send(...calls);
  expect([...(await stream.answers(2)).keys()].sort()).toEqual([1, 2]);
  held.open();
  expect([...(await stream.answers(1)).keys()]).toEqual([0]);
  expect(order).toEqual(["a", "b", "c"].map((name) => String(utf8(name))));
});

test("a deadline is that of its call alone", async () => {
  const held = gate();
  const model = createModelStore();
  const store = overridden(model, { get: () => held.opened.then(() => undefined) });
  const stream = await opened({}, store as typeof model);
  stream.send(
    { id: 1, timeoutMs: 30, method: { case: "get", value: { key } } },
    { id: 2, timeoutMs: 30_000, method: { case: "get", value: { key } } },
  );
  expect((await stream.answers(1)).get(1)).toMatchObject({
    case: "error",
    value: { code: Code.DeadlineExceeded, info: { reason: "DEADLINE_EXCEEDED" } },
  });
  held.open();
  expect((await stream.answers(1)).get(2)).toMatchObject({ case: "get" });
});

test("a frame of too many calls fails, call by call, and the stream goes on", async () => {
  const stream = await opened();
  const calls = Array.from({ length: 1001 }, (_, id): Call => ({ id, method: { case: "get", value: { key } } }));
  stream.send(...calls);
  const answers = await stream.answers(1001);
  expect([...answers.values()].every((outcome) => outcome.case === "error")).toBe(true);
  stream.send(calls[0]!);
  expect((await stream.answers(1)).get(0)).toMatchObject({ case: "get" });
});

test("requests beyond what the server holds are refused, call by call, until there is room", async () => {
  const held = gate();
  const model = createModelStore();
  const started = gate();
  const store = overridden(model, {
    put() {
      started.open();
      return held.opened.then(() => ({ timestamp: 1, seq: 1 }));
    },
  });
  // Room for one call and its bytes as they come in, however they are cut into pieces; not for two calls and any of theirs.
  const stream = await opened({ maxRequestBytes: 100_000, maxBufferedBytes: 120_100 }, store as typeof model);
  const put = (id: number): Call => ({ id, method: { case: "put", value: { key, value: new Uint8Array(60_000) } } });
  stream.send(put(1));
  const first = stream.answers(1);
  await started.opened;
  stream.send(put(2));
  const [id, outcome] = [...(await first)][0]!;
  expect([id, outcome]).toMatchObject([2, { case: "error", value: { info: { reason: "OVERLOADED" }, retry: {} } }]);
  held.open();
  expect((await stream.answers(1)).get(1)).toMatchObject({ case: "put" });
  stream.send(put(3));
  expect((await stream.answers(1)).get(3)).toMatchObject({ case: "put" });
});

test("a server that closes answers what is under way, and ends the stream", async () => {
  const started = gate();
  const held = gate();
  const model = createModelStore();
  const store = overridden(model, {
    put() {
      started.open();
      return held.opened.then(() => ({ timestamp: 1, seq: 1 }));
    },
  });
  const stream = await opened({}, store as typeof model);
  stream.send({ id: 1, method: { case: "put", value: { key, value } } });
  const answers = stream.answers(2);
  await started.opened;
  const closing = stream.server.close();
  setTimeout(() => held.open(), 50);
  // Two are asked for, so that this waits for the stream's end.
  expect([...(await answers)]).toMatchObject([[1, { case: "put" }]]);
  await closing;
});

test("large answers come in frames of their own", async () => {
  const stream = await opened();
  await stream.store.put("k", new Uint8Array(700_000));
  stream.send(...[1, 2, 3].map((id): Call => ({ id, method: { case: "get", value: { key } } })));
  expect((await stream.answers(3)).size).toBe(3);
  expect(stream.frames()).toEqual([2, 1]);
});
