import {
  connectionStart,
  data,
  fields,
  frame,
  openRequest,
  reset,
  setting,
  windowUpdate,
} from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections, callHeaders, type Target } from "./attack.ts";

/** Frames that break a rule each, of HTTP/2 or of gRPC: cut short, too long, out of order, or lying about what follows. */
export const brokenFrames: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  for (const frames of sequences(target)) {
    sockets.open(target.grpcUrl).write(Buffer.concat([connectionStart, ...frames]));
  }
  // A client that leaves in the middle of a frame.
  for (const frames of sequences(target)) {
    const whole = Buffer.concat([connectionStart, ...frames]);
    sockets.open(target.grpcUrl).end(whole.subarray(0, whole.length - 3));
  }
  await sockets.hold(holdMs);
};

function sequences(target: Target): Buffer[][] {
  const put = openRequest(1, callHeaders(target, "Put"));
  const pipeline = openRequest(1, callHeaders(target, "Pipeline"));
  const oversized = frame("data", 0, 1, Buffer.alloc(20_000));
  const announcing = (bytes: number): Buffer => Buffer.from([0, ...uint32(bytes), 1, 2, 3]);
  return [
    [put, oversized],
    [put, data(1, announcing(2 ** 32 - 1), true)],
    [put, data(1, announcing(1000), true)],
    [put, data(1, announcing(1), true)],
    [put, data(1, Buffer.from([0, 0]), true)],
    [put, data(1, Buffer.alloc(0), true), data(1, Buffer.alloc(10))],
    [put, put],
    [pipeline, data(1, announcing(2 ** 32 - 1))],
    [pipeline, data(1, Buffer.from([1, ...uint32(3), 1, 2, 3]))],
    [pipeline, data(1, Buffer.from([0, ...uint32(4), 0xff, 0xff, 0xff, 0xff]))],
    [data(0, Buffer.alloc(5))],
    [data(7, Buffer.alloc(5))],
    [reset(9, 8)],
    [openRequest(2, callHeaders(target, "Put"))],
    [windowUpdate(0, 0)],
    [put, windowUpdate(1, 2 ** 31 - 1), windowUpdate(1, 2 ** 31 - 1)],
    [frame("settings", 0, 0, Buffer.alloc(5))],
    [setting(4, 2 ** 32 - 1)],
    [frame("ping", 0, 0, Buffer.alloc(3))],
    [frame("goAway", 0, 0, Buffer.alloc(8))],
    [frame("continuation", 0, 1, fields(callHeaders(target, "Get")))],
    [frame("headers", 0, 1, fields(callHeaders(target, "Get"))), frame("ping", 0, 0, Buffer.alloc(8))],
    [frame("headers", 4, 1, Buffer.alloc(40, 0xff))],
    [openRequest(1, { ":path": "/", "x-without": "method" })],
    [openRequest(1, { ...callHeaders(target, "Put"), "grpc-timeout": "never" }), data(1, announcing(3), true)],
    [openRequest(1, { ...callHeaders(target, "Put"), "grpc-encoding": "gzip" }), data(1, announcing(3), true)],
    [openRequest(1, { ...callHeaders(target, "Put"), "content-type": "text/html" }), data(1, announcing(3), true)],
  ];
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}
