import { loadPackage } from "../stores/load-package.ts";
import { ChildServer, freePort } from "./child-server.ts";
import type { Client, Contender, Written } from "./contender.ts";
import { inBatches } from "./in-batches.ts";

/** The part of `@redis/client` that is used here. */
interface RedisClient {
  connect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<unknown>;
  close(): Promise<void>;
}
interface RedisPackage {
  createClient(options: { url: string }): RedisClient;
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
}

/**
 * A sorted set for each key: members are versions, their scores timestamps. Redis keeps members apart by their bytes, so
 * the timestamp stands before the value. Every command is appended to a file that is synced before the answer.
 */
export const redis: Contender = {
  name: "redis",
  async start(directory) {
    const { createClient, RESP_TYPES } = await loadPackage<RedisPackage>("@redis/client");
    const port = await freePort();
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    const server = await ChildServer.start(
      ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", directory, ...durable],
      port,
      "install Debian's redis-server",
    );
    const url = `redis://127.0.0.1:${port}`;
    const open = async (): Promise<{
      client: RedisClient;
      send: (...args: (string | Buffer)[]) => Promise<unknown>;
    }> => {
      const client = createClient({ url });
      await client.connect();
      const typed = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };
      return { client, send: (...args) => client.sendCommand(args, typed) };
    };
    return {
      connect: async () => {
        const { client, send } = await open();
        return clientOf(send, () => client.close());
      },
      async load(dataset) {
        const { client, send } = await open();
        await inBatches(dataset, 1000, (batch) => Promise.all(batch.map((entry) => send(...zadd(entry)))));
        await client.close();
      },
      stop: () => server.stop(),
    };
  },
};

const timestampBytes = 8;

function zadd({ key, value, timestamp = now() }: Written): (string | Buffer)[] {
  return ["ZADD", key, String(timestamp), memberOf(timestamp, value)];
}

let last = 0;
/** Microseconds, no two alike. */
function now(): number {
  last = Math.max(last + 1, Date.now() * 1000);
  return last;
}

function memberOf(timestamp: number, value: Uint8Array): Buffer {
  const member = Buffer.alloc(timestampBytes + value.length);
  member.writeDoubleBE(timestamp, 0);
  member.set(value, timestampBytes);
  return member;
}

function valueIn(member: Buffer): Uint8Array {
  return member.subarray(timestampBytes);
}

function clientOf(send: (...args: (string | Buffer)[]) => Promise<unknown>, close: () => Promise<void>): Client {
  const members = async (...args: string[]): Promise<readonly Uint8Array[]> =>
    ((await send(...args)) as Buffer[]).map(valueIn);
  return {
    put: (written) => send(...zadd(written)),
    // A script or MULTI would be all or nothing; one command a version is the fastest that Redis has.
    putBatch: (batch) => Promise.all(batch.map((written) => send(...zadd(written)))),
    newest: async (key) => (await members("ZREVRANGE", key, "0", "0"))[0],
    asOf: async (key, moment) => (await members("ZREVRANGEBYSCORE", key, String(moment), "-inf", "LIMIT", "0", "1"))[0],
    history: (key) => members("ZREVRANGE", key, "0", "-1"),
    close,
  };
}
