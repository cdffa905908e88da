import { Agent, type ClientRequest, get } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { KvService, WatchRequestSchema } from "@kvts/api";

/** Watches of `w0/`, `w1/` … that have begun. They are kept as cheap as can be: the server is what is measured. */
export interface Watchers {
  /** Resolves once each has got something more, or none has for five seconds: how many have. */
  told(): Promise<number>;
  close(): void;
}

const perConnection = 100;
const startedAtATime = 200;
const silenceMs = 5000;

export async function watchersOverGrpc(url: string, count: number): Promise<Watchers> {
  const sessions: ClientHttp2Session[] = [];
  const path = `/${KvService.typeName}/${KvService.method.watch.name}`;
  const watchers = await begin(count, (i, heard, failed) => {
    if (i % perConnection === 0) sessions.push(connect(url).on("error", failed));
    const stream = sessions
      .at(-1)!
      .request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
    stream.on("data", heard).on("error", failed).end(messageFor(i));
  });
  return {
    told: watchers.told,
    close() {
      watchers.end();
      for (const session of sessions) session.destroy();
    },
  };
}

export async function watchersOverHttp(url: string, count: number): Promise<Watchers> {
  const requests: ClientRequest[] = [];
  const agent = new Agent({ keepAlive: false });
  const watchers = await begin(count, (i, heard, failed) => {
    const request = get(`${url}/v1/watch?prefix=w${i}%2F`, { agent, headers: { accept: "application/x-ndjson" } });
    request.on("response", (response) => response.on("data", heard).on("error", failed)).on("error", failed);
    requests.push(request);
  });
  return {
    told: watchers.told,
    close() {
      watchers.end();
      for (const request of requests) request.destroy();
    },
  };
}

function messageFor(i: number): Buffer {
  const range = { prefix: new TextEncoder().encode(`w${i}/`) };
  const message = toBinary(WatchRequestSchema, create(WatchRequestSchema, { range }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

type Start = (i: number, heard: () => void, failed: (error: Error) => void) => void;

/** Starts them, some at a time, and waits until each has heard that it has begun. */
async function begin(count: number, start: Start): Promise<{ told(): Promise<number>; end(): void }> {
  const heard = new Uint8Array(count);
  let isOver = false;
  for (let from = 0; from < count; from += startedAtATime) {
    const indices = Array.from({ length: Math.min(startedAtATime, count - from) }, (_, i) => from + i);
    await Promise.all(
      indices.map(
        (i) =>
          new Promise<void>((resolve, reject) => {
            const failed = (error: Error): void => {
              if (!isOver) reject(error);
            };
            start(
              i,
              () => {
                heard[i]!++;
                resolve();
              },
              failed,
            );
          }),
      ),
    );
  }
  heard.fill(0);
  return {
    async told() {
      let before = -1;
      let deadline = Date.now() + silenceMs;
      for (;;) {
        const sum = heard.reduce((total, times) => total + Math.min(times, 1), 0);
        if (sum === count || Date.now() > deadline) return sum;
        if (sum !== before) deadline = Date.now() + silenceMs;
        before = sum;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    end() {
      isOver = true;
    },
  };
}
