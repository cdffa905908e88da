import {
  connectionStart,
  data,
  openRequest,
  setting,
  windowUpdate,
} from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections, callHeaders, requestHead } from "./attack.ts";

const key = "victim-large";
const valueBytes = 1024 * 1024;
const connections = 6;
const requestsOfEach = 50;

/** Clients that ask for a large value again and again, and take none of the answers. */
export const notReading: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  const { httpUrl, grpcUrl } = target;
  // A server in need may refuse it; then there is less to read.
  await fetch(`${httpUrl}/v1/keys/${key}?ts=1`, { method: "PUT", body: new Uint8Array(valueBytes) })
    .then((response) => response.arrayBuffer())
    .catch(() => {});
  const message = Buffer.from([0, 0, 0, 0, key.length + 2, 10, key.length, ...Buffer.from(key)]);
  const calls = Array.from({ length: requestsOfEach }, (_, i) => {
    const stream = 1 + 2 * i;
    return Buffer.concat([openRequest(stream, callHeaders(target, "Get")), data(stream, message, true)]);
  });
  // Windows so wide that nothing but the socket holds answers up.
  const wide = [setting(4, 2 ** 31 - 1), windowUpdate(0, 2 ** 31 - 1 - 65_535)];
  for (let i = 0; i < connections; i++) {
    sockets.open(httpUrl, false).write(`${requestHead(target, `GET /v1/keys/${key}`)}\r\n`.repeat(requestsOfEach));
    sockets.open(httpUrl, false).write(`${requestHead(target, "GET /v1/watch?prefix=0")}\r\n`);
    sockets.open(grpcUrl, false).write(Buffer.concat([connectionStart, ...wide, ...calls]));
    const watch = [openRequest(1, callHeaders(target, "Watch")), data(1, Buffer.alloc(5), true)];
    sockets.open(grpcUrl, false).write(Buffer.concat([connectionStart, ...watch]));
  }
  await sockets.hold(holdMs);
};
