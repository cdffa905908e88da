import type { AddressInfo, Server } from "node:net";
import { KvtsError } from "@kvts/common";
import type { Settings } from "../options.ts";

/** Listens, and gives the port that was bound. @throws UNAVAILABLE where the address cannot be had */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
    server.once("error", refuse);
    server.listen({ host: bareHost(host), port }, () => {
      server.off("error", refuse);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Where clients reach a port: an address for everybody is called by the loopback address. */
export function urlOf({ host, tls }: Pick<Settings, "host" | "tls">, port: number): string {
  const bare = bareHost(host);
  const name = bare === "0.0.0.0" ? "127.0.0.1" : bare === "::" ? "::1" : bare;
  const scheme = tls === undefined ? "http" : "https";
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): KvtsError {
  const details = { host, port, reason: error.code ?? "unknown" };
  return new KvtsError("UNAVAILABLE", `cannot listen on ${host}, port ${port}: ${remedy(error)}`, {
    details,
    cause: error,
  });
}

function remedy({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case "EADDRINUSE":
      return "another process does; choose another port, or 0 for any free one";
    case "EACCES":
      return "this user may not; choose a port from 1024 on";
    case "EADDRNOTAVAIL":
      return "this machine has no such address; choose one of its own, such as 127.0.0.1";
    case "ENOTFOUND":
      return "no address has that name; choose one of this machine's own, such as 127.0.0.1";
    default:
      return message;
  }
}
