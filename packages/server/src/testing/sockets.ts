import { createConnection, type Socket } from "node:net";

/** Opens a connection to where `url` points. */
export function socketTo(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  socket.on("error", () => undefined);
  return socket;
}

/** Sends `bytes` as they are, and gives all that comes back until the other side ends. */
export function exchangeBytes(url: string, bytes: string | Uint8Array): Promise<string> {
  const socket = socketTo(url);
  socket.write(bytes);
  return received(socket);
}

/** All that a connection brings until it ends. */
export function received(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
  });
}
