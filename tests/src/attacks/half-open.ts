import { connectionStart, data, openRequest } from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections, callHeaders, requestHead } from "./attack.ts";

const ofEachKind = 10;

/** Connections of which one side is gone: nothing was ever said, half a request, or a whole one whose answer nobody takes. */
export const halfOpen: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  const put = requestHead(target, "PUT /v1/keys/victim-half", "Content-Length: 10");
  const call = openRequest(1, callHeaders(target, "Put"));
  const requests = ["", put, `${put}\r\nhalf`, `${requestHead(target, "GET /v1/status")}\r\n`];
  const calls = [Buffer.alloc(0), connectionStart, Buffer.concat([connectionStart, call, data(1, Buffer.alloc(3))])];
  for (let i = 0; i < ofEachKind; i++) {
    for (const [url, starts] of [
      [target.httpUrl, requests],
      [target.grpcUrl, calls],
    ] as const) {
      for (const start of starts) {
        sockets.open(url, false).write(start);
        sockets.open(url, false).end(start);
      }
    }
  }
  await sockets.hold(holdMs);
};
