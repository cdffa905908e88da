import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server, and cuts their connections. */
export interface CuttingProxy extends AsyncDisposable {
  /** The server's address, by way of the proxy. */
  readonly url: string;
  /** Connections made so far. */
  readonly connections: number;
  /** Ends the next connections once so many bytes have come from the server, one after the other; others are let be. */
  readonly cutAfterBytes: number[];
  /** Ends all connections, in the middle of whatever they carry. */
  cut(): void;
}

export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let connections = 0;
  const cutAfterBytes: number[] = [];
  const server = createServer((near) => {
    connections++;
    const far = connect(Number(port), hostname);
    const end = (): void => {
      for (const socket of [near, far]) {
        open.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [near, far]) open.add(socket.on("error", end).on("close", end).setNoDelay());
    near.pipe(far);
    forward(far, near, cutAfterBytes.shift(), end);
  });
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    cutAfterBytes,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Passes on so many bytes at most, exactly, and then calls `end`. */
function forward(from: Socket, to: Socket, bytesMax = Number.POSITIVE_INFINITY, end: () => void): void {
  let left = bytesMax;
  from.on("data", (chunk: Buffer) => {
    const passed = chunk.subarray(0, Math.min(left, chunk.length));
    left -= passed.length;
    if (left === 0) {
      from.pause();
      to.write(passed, () => end());
    } else if (!to.write(passed)) {
      from.pause();
      to.once("drain", () => from.resume());
    }
  });
}
