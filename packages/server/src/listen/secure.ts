import type { Server as NetServer } from "node:net";
import type { TlsOptions as NodeTlsOptions } from "node:tls";
import { createSecureContext, Server as TlsServer } from "node:tls";
import { invalidArgument, invariant } from "@kvts/common";
import type { TlsOptions } from "../options.ts";

/**
 * What Node's servers take for TLS.
 * @param protocols what is offered, the one wanted most first
 * @throws INVALID_ARGUMENT where certificate and key cannot be used
 */
export function secureOptions({ cert, key, clientCa }: TlsOptions, protocols: string[]): NodeTlsOptions {
  const certificates = { cert: bytes(cert), key: bytes(key), ...(clientCa !== undefined && { ca: bytes(clientCa) }) };
  try {
    createSecureContext(certificates);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidArgument(`the certificate and key cannot be used (${reason}); give both as PEM, of one another`);
  }
  return {
    ...certificates,
    ALPNProtocols: protocols,
    minVersion: "TLSv1.2",
    requestCert: clientCa !== undefined,
    rejectUnauthorized: clientCa !== undefined,
  };
}

/** Has a server use other certificates from its next connection on. @throws INVALID_ARGUMENT as `secureOptions` */
export function secureAnew(server: NetServer, tls: TlsOptions): void {
  invariant(server instanceof TlsServer, "only a server of TLS has certificates");
  server.setSecureContext(secureOptions(tls, []));
}

function bytes(pem: string | Uint8Array): string | Buffer {
  return typeof pem === "string" ? pem : Buffer.from(pem);
}
