import { createSecureContext, type SecureContextOptions } from "node:tls";
import { checkOptionNames, invalidArgument, type OptionNames } from "@kvts/common";

/** Whom a client of an `https` server trusts, and what it shows. Certificates are PEM. */
export interface ClientTlsOptions {
  /** The authorities that vouch for the server, in place of those that Node trusts. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's own certificate, with its key, where the server wants one. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
}

const names: OptionNames<ClientTlsOptions> = { ca: true, cert: true, key: true };

/**
 * What Node takes for TLS.
 * @throws INVALID_ARGUMENT for certificates and keys that cannot be used
 */
export function secureOptions(options: ClientTlsOptions = {}): SecureContextOptions {
  checkOptionNames(options, names, "tls");
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const pem = Object.fromEntries(
    given.map(([name, value]: [string, string | Uint8Array]) => [
      name,
      typeof value === "string" ? value : Buffer.from(value),
    ]),
  );
  try {
    createSecureContext(pem);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidArgument(`tls cannot be used (${reason}); give certificates and keys as PEM, cert and key together`);
  }
  return pem;
}
