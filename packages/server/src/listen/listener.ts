import type { Incoming, Outgoing } from "../exchanges.ts";
import type { TlsOptions } from "../options.ts";

/** A port that is being served. */
export interface Listener {
  readonly port: number;
  /** Uses other certificates for the connections to come; only where there are some already. */
  secure(tls: TlsOptions): void;
  /** How many there are now. */
  connections(): number;
  /** Accepts no more connections; those that are idle end. */
  stop(): void;
  /** Cuts what is left. */
  destroy(): Promise<void>;
}

export type RequestHandler = (incoming: Incoming, outgoing: Outgoing) => void;
