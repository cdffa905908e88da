import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What is attacked. */
export interface Target {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

/**
 * Something that no server wants to meet, and every server meets. It opens what it opens, keeps that up for about
 * `holdMs` milliseconds, and leaves nothing open. It never fails: to be refused or cut is what it expects.
 */
export type Attack = (target: Target, holdMs: number) => Promise<void>;

/** Connections of one attack, which end with it. */
export class Connections implements Disposable {
  readonly #sockets: Socket[] = [];

  /** @param readsAnswers whether what comes is taken off the connection */
  open(url: string, readsAnswers = true): Socket {
    const { hostname, port } = new URL(url);
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true });
    socket.on("error", () => socket.destroy());
    if (readsAnswers) socket.resume();
    else socket.pause();
    this.#sockets.push(socket);
    return socket;
  }

  /** Waits, though not for longer than any of them is left. */
  async hold(holdMs: number): Promise<void> {
    const endMs = performance.now() + holdMs;
    while (performance.now() < endMs && this.#sockets.some(({ destroyed }) => !destroyed)) {
      await delay(Math.min(20, holdMs));
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The headers of a call over HTTP/2. */
export function callHeaders({ grpcUrl }: Target, method: string): Record<string, string> {
  return {
    ":method": "POST",
    ":scheme": "http",
    ":path": `/kvts.v1.KvService/${method}`,
    ":authority": new URL(grpcUrl).host,
    "content-type": "application/grpc",
    te: "trailers",
  };
}

/** The head of a request over HTTP/1.1, without the empty line that ends it. */
export function requestHead({ httpUrl }: Target, line: string, ...headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, `Host: ${new URL(httpUrl).host}`, ...headers, ""].join("\r\n");
}
