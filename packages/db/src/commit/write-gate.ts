import type { KvtsError } from "@kvts/common";
import type { WaitingRoom } from "./waiting-room.ts";

/** Lets writes in, makes them wait while the store cannot keep up, and turns them away once it takes none. */
export class WriteGate {
  readonly #room: WaitingRoom;
  #refusal: KvtsError | undefined;

  constructor(room: WaitingRoom) {
    this.#room = room;
  }

  /** Whether a write may go ahead at once. @throws what the store refuses writes with */
  get isOpen(): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    return this.#room.isOpen;
  }

  /** Why no write is taken any more, if so. */
  get refusal(): KvtsError | undefined {
    return this.#refusal;
  }

  /** Runs `write`, in turn, when it may go ahead. @throws UNAVAILABLE after the deadline, or the refusal */
  pass<T>(write: () => Promise<T>): Promise<T> {
    return this.#room.pass(write);
  }

  changed(): void {
    this.#room.changed();
  }

  /** From here on every write fails with `error`; the first refusal stays. */
  refuse(error: KvtsError): void {
    this.#refusal ??= error;
    this.#room.empty(this.#refusal);
  }
}
