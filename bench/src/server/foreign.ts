import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Dataset } from "../dataset/dataset.ts";
import type { Metric } from "../workloads/metric.ts";
import type { KvtsRunning } from "./kvts.ts";

const run = promisify(execFile);

/** kvts under the load generators of others: unary gRPC by h2load, HTTP by wrk. */
export interface ForeignWorkload {
  readonly metric: Metric;
  /** @throws where the generator is missing, or not every answer was a success */
  measure(server: KvtsRunning, dataset: Dataset, directory: string, seconds: number): Promise<number>;
}

export const foreignWorkloads: readonly ForeignWorkload[] = [
  {
    metric: metricOf("foreign-put", "durable put over unary gRPC (h2load), 64 in flight", 30_000),
    measure: (server, dataset, directory, seconds) =>
      h2load(server, "Put", [bytesField(1, dataset.key(0)), bytesField(2, dataset.value(0, 0))], directory, seconds),
  },
  {
    metric: metricOf("foreign-get", "get newest over unary gRPC (h2load), 64 in flight", 35_000),
    measure: (server, dataset, directory, seconds) =>
      h2load(server, "Get", [bytesField(1, dataset.key(0))], directory, seconds),
  },
  {
    metric: metricOf("http-get", "HTTP GET (wrk), 64 connections", 45_000),
    measure: ({ httpUrl }, dataset, directory, seconds) =>
      wrk(`${httpUrl}/v1/keys/${encodeURIComponent(dataset.key(0))}`, "wrk.method = 'GET'\n", directory, seconds),
  },
  {
    metric: metricOf("http-put", "durable HTTP PUT (wrk), 64 connections", 25_000),
    measure: ({ httpUrl }, dataset, directory, seconds) => {
      const body = "v".repeat(dataset.valueBytes);
      const script = `wrk.method = 'PUT'\nwrk.body = '${body}'\nwrk.headers['content-type'] = 'application/octet-stream'\n`;
      return wrk(`${httpUrl}/v1/keys/http`, script, directory, seconds);
    },
  },
];

function metricOf(id: string, title: string, bound: number): Metric {
  return { id, title, unit: "per second", target: { bound } };
}

const connections = 4;
const streams = 16;

async function h2load(
  { grpcUrl }: KvtsRunning,
  method: string,
  fields: readonly Buffer[],
  directory: string,
  seconds: number,
): Promise<number> {
  await mkdir(directory, { recursive: true });
  const message = Buffer.concat(fields);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const file = join(directory, `${method}.bin`);
  await writeFile(file, Buffer.concat([head, message]));
  const load = ["-c", String(connections), "-m", String(streams), "-D", String(Math.ceil(seconds)), "--warm-up-time=1"];
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
  const url = `${grpcUrl}/kvts.v1.KvService/${method}`;
  const said = await output("h2load", [...load, ...headers, "-d", file, url], "nghttp2-client");
  const failed = figure(said, /(\d+) failed/);
  if (failed > 0) throw new Error(`h2load: ${failed} calls of ${method} failed`);
  return figure(said, /finished in [^,]+, ([\d.]+) req\/s/);
}

async function wrk(url: string, script: string, directory: string, seconds: number): Promise<number> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, "load.lua");
  await writeFile(file, script);
  const load = ["-t", "1", "-c", "64", "-d", `${Math.ceil(seconds)}s`, "-s", file];
  const said = await output("wrk", [...load, url], "wrk");
  if (/Non-2xx/.test(said)) throw new Error(`wrk: some answers of ${url} were no success`);
  return figure(said, /Requests\/sec:\s+([\d.]+)/);
}

async function output(program: string, args: readonly string[], debianPackage: string): Promise<string> {
  try {
    return (await run(program, args)).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error(`${program} is not here; install Debian's ${debianPackage}`, { cause: error });
  }
}

function figure(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no figure in: ${text}`);
  return Number(found);
}

/** A field of bytes in a message of protobuf, for lengths below 128. */
function bytesField(number: number, bytes: string | Uint8Array): Buffer {
  const content = Buffer.from(bytes as string);
  if (content.length > 127) throw new RangeError("use values of up to 127 bytes with h2load");
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}
