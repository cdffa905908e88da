import { createServer } from "node:net";
import { CommandError, exitCodes, failed } from "../failure.ts";
import { flagOf } from "./settings.ts";

/** The two ports that a server binds. */
export interface Ports {
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
}

/**
 * Binds and frees the ports (any free one for 0: the host is in question all the same), so that a server which cannot have them fails before it touches its directory.
 * @throws CommandError naming the port and the flag that changes it
 */
export async function checkPorts({ host, port, httpPort }: Ports): Promise<void> {
  if (port !== 0 && port === httpPort) {
    throw failed(`gRPC and HTTP cannot share port ${port}; give --http-port another`);
  }
  await checkPort(host, port, "port");
  await checkPort(host, httpPort, "httpPort");
}

async function checkPort(host: string, port: number, setting: "port" | "httpPort"): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    throw unavailable(host, port, setting, error as NodeJS.ErrnoException);
  }
  await new Promise((resolve) => server.close(resolve));
}

function unavailable(host: string, port: number, setting: "port" | "httpPort", error: NodeJS.ErrnoException): Error {
  const flag = `--${flagOf(setting)}`;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is taken by another program; stop it, or choose another with ${flag}`,
    EACCES: `port ${port} may not be bound by this user; choose one from 1024 on with ${flag}`,
    EADDRNOTAVAIL: `the address ${host} is not one of this machine; choose another with --host`,
    ENOTFOUND: `the host ${host} is not known; choose an address of this machine with --host`,
    EAI_AGAIN: `the host ${host} is not known; choose an address of this machine with --host`,
  };
  const sentence = sentences[error.code ?? ""] ?? `port ${port} of ${host} cannot be bound: ${error.message}`;
  return new CommandError(exitCodes.failure, error.code ?? "FAILED", sentence, error);
}
