import type { Dataset } from "../dataset/dataset.ts";

/** A version to be written. */
export interface Written {
  readonly key: string;
  readonly value: Uint8Array;
  /** Microseconds; assigned by the server, or by the client from its clock, where there is none. */
  readonly timestamp?: number;
}

/**
 * A server as a program uses it, through the client that its users would take, one connection or as many as that client
 * wants by itself. What a server has no way to do is left out.
 */
export interface Client {
  /** On disk when it resolves. */
  put(written: Written): Promise<unknown>;
  /** All or nothing, and on disk when it resolves. */
  putBatch?(batch: readonly Written[]): Promise<unknown>;
  newest(key: string): Promise<Uint8Array | undefined>;
  asOf?(key: string, moment: number): Promise<Uint8Array | undefined>;
  /** Every version's value, newest first. */
  history?(key: string): Promise<readonly Uint8Array[]>;
  close(): Promise<void>;
}

/** A server that was started for this run, with its data in a folder of this run. */
export interface Running {
  connect(): Promise<Client>;
  /** Writes the dataset, as fast as may be. */
  load(dataset: Dataset): Promise<void>;
  /** Ends it, by its pid. */
  stop(): Promise<void>;
}

/** A kind of server, with the settings by which it is as durable as the others. */
export interface Contender {
  readonly name: string;
  /** @throws where the machine does not have it, with a sentence that says how to get it */
  start(directory: string): Promise<Running>;
}
