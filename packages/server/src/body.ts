import { constants } from "node:http2";
import { KvtsError } from "@kvts/common";
import type { Exchange, Incoming, Outgoing } from "./exchanges.ts";

/**
 * The whole body of a request. Reading stops as soon as it is known to be too large.
 * @param frameBytesMax what the protocol may put around the request itself
 * @throws TOO_LARGE above `bytesMax`
 * @throws OVERLOADED when the server holds too much already
 * @throws CANCELLED when the client leaves before the end
 */
export function readBody(
  incoming: Incoming,
  exchange: Exchange,
  bytesMax: number,
  frameBytesMax = 0,
): Promise<Uint8Array> {
  const limit = bytesMax + frameBytesMax;
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const stop = (error: unknown): void => {
      incoming.off("data", take).pause();
      reject(error);
    };
    const take = (chunk: Uint8Array): void => {
      length += chunk.length;
      chunks.push(chunk);
      try {
        if (length > limit) throw requestTooLarge(bytesMax);
        exchange.hold(chunk.length);
      } catch (error) {
        stop(error);
      }
    };
    // An HTTP/2 request whose client has left ends as if it were whole.
    let isOver = false;
    const finish = (): void => {
      if (incoming.aborted) {
        leave();
        return;
      }
      isOver = true;
      resolve(joined(chunks, length));
    };
    // Every request closes after its end, and an error is dear for its trace alone.
    const leave = (): void => {
      if (!isOver) reject(new KvtsError("CANCELLED", "the client left before its request was whole"));
    };
    if (Number(incoming.headers["content-length"] ?? 0) > limit) stop(requestTooLarge(bytesMax));
    else incoming.on("data", take).once("end", finish).once("error", leave).once("close", leave);
  });
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

/** The error of a request that is larger than the server takes. */
export function requestTooLarge(bytesMax: number): KvtsError {
  return new KvtsError(
    "TOO_LARGE",
    `the request has more than ${bytesMax} bytes; send less at a time, or start the server with a higher --max-request-bytes`,
    { details: { limit: bytesMax } },
  );
}

/** How much of an unwanted body is still taken, and for how long, so that its sender gets to see the answer. */
const lingerBytesMax = 64 * 1024 * 1024;
const lingerMs = 1000;

/** Once the answer is out, gets rid of a request whose body nobody read to its end. */
export function discardUnreadBody(incoming: Incoming, outgoing: Outgoing): void {
  outgoing.once("finish", () => {
    if ("stream" in incoming) {
      if (!incoming.stream.readableEnded) incoming.stream.close(constants.NGHTTP2_NO_ERROR);
    } else if (!incoming.complete) {
      linger(incoming);
    }
  });
}

function linger(incoming: Incoming): void {
  let bytes = 0;
  const cut = (): void => void incoming.socket.destroySoon();
  const timer = setTimeout(cut, lingerMs);
  incoming.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > lingerBytesMax) cut();
  });
  incoming.once("close", () => clearTimeout(timer)).resume();
}
