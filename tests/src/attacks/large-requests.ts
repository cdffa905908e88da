import { gzipSync } from "node:zlib";
import { connectionStart, data, openRequest } from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections, callHeaders, requestHead } from "./attack.ts";

const MiB = 1024 * 1024;
const connections = 8;

/** Requests that are larger than may be, or hold far more than they look like. */
export const largeRequests: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  const { httpUrl, grpcUrl } = target;
  const put = "PUT /v1/keys/victim-oversized";
  const filler = Buffer.alloc(9 * MiB, 120);
  const bomb = gzipSync(Buffer.alloc(64 * MiB));
  for (let i = 0; i < connections; i++) {
    const announced = sockets.open(httpUrl);
    announced.write(`${requestHead(target, put, "Content-Length: 900000000")}\r\n`);
    announced.write(filler);
    const chunked = sockets.open(httpUrl);
    chunked.write(`${requestHead(target, put, "Transfer-Encoding: chunked")}\r\n900000\r\n`);
    chunked.write(filler);
    sockets.open(httpUrl).write(requestHead(target, `GET /v1/keys?prefix=${"a".repeat(2 * MiB)}`));
    sockets.open(httpUrl).write(requestHead(target, put, ...Array<string>(5000).fill("X-Many: headers")));
    const call = openRequest(1, { ...callHeaders(target, "Put"), "grpc-encoding": "gzip" });
    const message = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bomb]);
    message.writeUInt32BE(bomb.length, 1);
    const frames = Array.from({ length: Math.ceil(message.length / 16_384) }, (_, at) =>
      data(1, message.subarray(at * 16_384, (at + 1) * 16_384), (at + 1) * 16_384 >= message.length),
    );
    sockets.open(grpcUrl).write(Buffer.concat([connectionStart, call, ...frames]));
  }
  await sockets.hold(holdMs);
};
