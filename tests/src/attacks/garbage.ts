import { randomBytes, randomInt } from "node:crypto";
import { connectionStart } from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections } from "./attack.ts";

const connections = 40;
const bytesMax = 20_000;

/** Random bytes on both ports: at once, behind what HTTP/2 begins with, and behind a request's first line. */
export const garbage: Attack = async ({ grpcUrl, httpUrl }, holdMs) => {
  using sockets = new Connections();
  const begins = ["", connectionStart, "PUT /v1/keys/a HTTP/1.1\r\n"];
  for (let i = 0; i < connections; i++) {
    const socket = sockets.open(i % 2 === 0 ? grpcUrl : httpUrl);
    socket.write(begins[i % begins.length]!);
    socket.write(randomBytes(randomInt(1, bytesMax)));
  }
  await sockets.hold(holdMs);
};
