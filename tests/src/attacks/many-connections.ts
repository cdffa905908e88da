import { connectionStart } from "../../../packages/server/src/testing/http2-frames.ts";
import { type Attack, Connections, requestHead } from "./attack.ts";

const connections = 1000;

/** A thousand connections at once, each of which asks for something and stays. */
export const manyConnections: Attack = async (target, holdMs) => {
  using sockets = new Connections();
  for (let i = 0; i < connections; i++) {
    if (i % 2 === 0) sockets.open(target.httpUrl).write(`${requestHead(target, "GET /healthz")}\r\n`);
    else sockets.open(target.grpcUrl).write(connectionStart);
  }
  await sockets.hold(holdMs);
};
