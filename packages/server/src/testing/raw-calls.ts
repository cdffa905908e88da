import { type ClientHttp2Session, connect } from "node:http2";
import { afterEach } from "vitest";

/** An answer over HTTP/2, headers and trailers together. */
export interface RawAnswer {
  readonly headers: Record<string, string | undefined>;
  readonly body: Buffer;
}

const sessions: ClientHttp2Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});

/** Sends a request as it is given. */
export function raw(url: string, headers: Record<string, string>, body: Uint8Array): Promise<RawAnswer> {
  const session = connect(url);
  sessions.push(session);
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ...headers });
    const chunks: Buffer[] = [];
    const all: Record<string, string | undefined> = {};
    const note = (received: object): void => void Object.assign(all, received);
    stream.on("response", note).on("trailers", note);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve({ headers: all, body: Buffer.concat(chunks) }));
    stream.on("error", reject);
    stream.end(body);
  });
}

export function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
