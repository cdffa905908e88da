import type { Put } from "./contender.ts";

interface Group {
  readonly puts: Put[];
  readonly written: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Shares one durable write among all that ask for one meanwhile, for stores that do not do so themselves: whoever has
 * many writers puts this in front of them.
 */
export class GroupWriter {
  readonly #write: (puts: readonly Put[]) => Promise<void> | void;
  #gathering: Group | undefined;
  #busy = false;

  /** @param write makes a group durable, all or nothing */
  constructor(write: (puts: readonly Put[]) => Promise<void> | void) {
    this.#write = write;
  }

  /** Resolves once the put is durable. */
  put(put: Put): Promise<void> {
    this.#gathering ??= openGroup();
    this.#gathering.puts.push(put);
    if (!this.#busy) this.#startNext();
    return this.#gathering.written;
  }

  /** A turn later, so that everything that is ready to be written now goes along. */
  #startNext(): void {
    this.#busy = this.#gathering !== undefined;
    if (this.#busy) setImmediate(() => void this.#writeGroup());
  }

  async #writeGroup(): Promise<void> {
    const group = this.#gathering!;
    this.#gathering = undefined;
    try {
      await this.#write(group.puts);
      group.resolve();
    } catch (error) {
      group.reject(error);
    }
    this.#startNext();
  }
}

function openGroup(): Group {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const written = new Promise<void>((onWritten, onFailed) => {
    resolve = onWritten;
    reject = onFailed;
  });
  return { puts: [], written, resolve, reject };
}
