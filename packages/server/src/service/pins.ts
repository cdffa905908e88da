import type { HostedStore, Logger, Snapshot } from "@kvts/common";

/** A view that stays readable from one page of a listing to the next. */
export interface Pin {
  /** Goes into the page token; up to 2^48. */
  readonly id: number;
  readonly view: Snapshot<Uint8Array>;
}

export interface PinOptions {
  /** How long a pin that nobody uses is kept. */
  readonly idleMs: number;
  /** Most pins; beyond, the longest idle one is let go. */
  readonly pinsMax: number;
  readonly logger: Logger;
}

/** The snapshots that page tokens stand for. Each `open` or `reopen` is followed by one `release`. */
export interface Pins {
  /** Pins a seq, the newest where none is given. @throws CURSOR_EXPIRED */
  open(seq?: number): Pin;
  /** The pin of a token again; where that was let go, another at its seq. @throws CURSOR_EXPIRED */
  reopen(id: number, seq: number): Pin;
  /** Ends one use. With `keep` the pin goes on for as long as it may be idle. */
  release(pin: Pin, keep: boolean): void;
  /** Lets everything go. */
  close(): Promise<void>;
}

interface HeldPin extends Pin {
  users: number;
  idleSince: number;
}

class SnapshotPins implements Pins {
  readonly #store: HostedStore<Uint8Array>;
  readonly #options: PinOptions;
  /** In the order in which they were last released. */
  readonly #pins: Map<number, HeldPin> = new Map();
  readonly #sweeper: NodeJS.Timeout;
  #nextId = Math.floor(Math.random() * 2 ** 47);

  constructor(store: HostedStore<Uint8Array>, options: PinOptions) {
    this.#store = store;
    this.#options = options;
    this.#sweeper = setInterval(() => this.#dropIdle(), Math.max(10, options.idleMs / 6)).unref();
  }

  open(seq?: number): Pin {
    const view = this.#store.snapshot({ seq });
    const pin: HeldPin = { id: this.#nextId++, view, users: 1, idleSince: 0 };
    this.#pins.set(pin.id, pin);
    this.#dropSurplus();
    return pin;
  }

  reopen(id: number, seq: number): Pin {
    const pin = this.#pins.get(id);
    if (pin === undefined || pin.view.seq !== seq) return this.open(seq);
    pin.users++;
    return pin;
  }

  release({ id }: Pin, keep: boolean): void {
    const pin = this.#pins.get(id);
    if (pin === undefined) return;
    pin.users--;
    if (pin.users > 0) return;
    if (!keep) {
      this.#drop(pin);
      return;
    }
    pin.idleSince = performance.now();
    this.#pins.delete(id);
    this.#pins.set(id, pin);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const pins = [...this.#pins.values()];
    this.#pins.clear();
    await Promise.all(pins.map(({ view }) => view.close()));
  }

  #dropIdle(): void {
    const idleBefore = performance.now() - this.#options.idleMs;
    for (const pin of this.#pins.values()) {
      if (pin.users === 0 && pin.idleSince <= idleBefore) this.#drop(pin);
    }
  }

  /** Pins in use stay: there are no more of them than requests in flight. */
  #dropSurplus(): void {
    if (this.#pins.size <= this.#options.pinsMax) return;
    for (const pin of this.#pins.values()) {
      if (pin.users > 0) continue;
      this.#drop(pin);
      if (this.#pins.size <= this.#options.pinsMax) return;
    }
  }

  #drop(pin: HeldPin): void {
    this.#pins.delete(pin.id);
    pin.view.close().catch((error: unknown) => {
      this.#options.logger.warn({ err: error, seq: pin.view.seq }, "a snapshot could not be closed");
    });
  }
}

export function createPins(store: HostedStore<Uint8Array>, options: PinOptions): Pins {
  return new SnapshotPins(store, options);
}
