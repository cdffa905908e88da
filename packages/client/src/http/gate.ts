/** Lets a number of holders in at a time; the others wait their turn. */
export interface Gate {
  /** Resolves when it is the caller's turn; rejects with the reason of `signal` when that fires before. */
  enter(signal: AbortSignal): Promise<void>;
  /** Ends a turn. */
  leave(): void;
}

class CountingGate implements Gate {
  #free: number;
  readonly #waiting: Set<() => void> = new Set();

  constructor(places: number) {
    this.#free = places;
  }

  async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener("abort", give);
        resolve();
      };
      const give = (): void => {
        this.#waiting.delete(turn);
        reject(signal.reason);
      };
      this.#waiting.add(turn);
      signal.addEventListener("abort", give, { once: true });
    });
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

export function createGate(places: number): Gate {
  return new CountingGate(places);
}
