import type { Server, Socket } from "node:net";

/** The connections of one server, so that its last ones can be cut. */
export interface Sockets {
  readonly count: number;
  destroyAll(): void;
}

/** How long an idle connection goes unprobed: peers that vanished are found out by it. */
const keepAliveProbeMs = 60_000;

export function trackSockets(server: Server): Sockets {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true).setKeepAlive(true, keepAliveProbeMs);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    get count() {
      return sockets.size;
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
