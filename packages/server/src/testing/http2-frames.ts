/*
 * HTTP/2 by hand, for what Node's client will not do: reset a request without ending it, or break the protocol. Frames are RFC 9113, section
 * 4.1; headers are HPACK literals (RFC 7541, section 6.2.2).
 */

const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
const endStream = 1;
const endHeaders = 4;

/** Any frame, sound or not. */
export function frame(
  type: keyof typeof frameTypes,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(frameTypes[type], 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

/** The bytes that open a connection. */
export const connectionStart: Buffer = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame("settings", 0, 0, new Uint8Array()),
]);

/** A header block. Names and values have less than 127 characters each. */
export function fields(headers: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) => Buffer.concat([Buffer.from([0]), literal(name), literal(value)])),
  );
}

/** A request that goes on. Names and values have less than 127 characters each. */
export function openRequest(stream: number, headers: Record<string, string>): Buffer {
  return frame("headers", endHeaders, stream, fields(headers));
}

/** What lets the other side send `bytes` more than it may: on one stream, or with stream 0 on the connection. */
export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame("windowUpdate", 0, stream, payload);
}

/** One setting, by its number. */
export function setting(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return frame("settings", 0, 0, payload);
}

export function data(stream: number, bytes: Uint8Array, last = false): Buffer {
  return frame("data", last ? endStream : 0, stream, bytes);
}

export function reset(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame("reset", 0, stream, payload);
}
