import { setTimeout as delay } from "node:timers/promises";
import { connectionStart, data, openRequest } from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections, callHeaders, requestHead } from "./attack.ts";

const connections = 30;
const pauseMs = 30;

/** Headers that come a byte at a time, on both ports. */
export const slowHeaders: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  const heads = [Buffer.from(requestHead(target, "GET /v1/keys/a", `X-Long: ${"x".repeat(10_000)}`)), connectionStart];
  const senders = Array.from({ length: connections }, (_, i) => ({
    socket: sockets.open(i % 2 === 0 ? target.httpUrl : target.grpcUrl),
    bytes: heads[i % 2]!,
  }));
  const endMs = performance.now() + holdMs;
  for (let at = 0; performance.now() < endMs; at++) {
    for (const { socket, bytes } of senders) if (at < bytes.length) socket.write(bytes.subarray(at, at + 1));
    await delay(pauseMs);
  }
};

/** Bodies that come a byte at a time, and are far from their end. */
export const slowBodies: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  const head = `${requestHead(target, "PUT /v1/keys/victim-slow", "Content-Length: 1000000")}\r\n`;
  const call = Buffer.concat([connectionStart, openRequest(1, callHeaders(target, "Put"))]);
  const senders = Array.from({ length: connections }, (_, i) => {
    const isHttp = i % 2 === 0;
    const socket = sockets.open(isHttp ? target.httpUrl : target.grpcUrl);
    socket.write(isHttp ? head : call);
    return { socket, byte: isHttp ? Buffer.of(120) : data(1, Buffer.of(0)) };
  });
  const endMs = performance.now() + holdMs;
  while (performance.now() < endMs) {
    for (const { socket, byte } of senders) socket.write(byte);
    await delay(pauseMs);
  }
};
