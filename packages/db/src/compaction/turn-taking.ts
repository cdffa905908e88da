/** Lets urgent jobs of one thread overtake the others: those wait between two steps until no urgent one is left. */
export class TurnTaking {
  readonly #nextTurn: () => Promise<void>;
  #urgent = 0;
  #noneUrgent: Promise<void> = Promise.resolve();
  #lastEnded: () => void = () => {};

  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn;
  }

  /** A job begins; call the result when it has ended. */
  begin(urgent: boolean): () => void {
    if (!urgent) return () => {};
    if (this.#urgent++ === 0) {
      this.#noneUrgent = new Promise((resolve) => {
        this.#lastEnded = resolve;
      });
    }
    return () => {
      if (--this.#urgent === 0) this.#lastEnded();
    };
  }

  /** Between two steps of a job. */
  async pause(urgent: boolean): Promise<void> {
    await this.#nextTurn();
    while (!urgent && this.#urgent > 0) await this.#noneUrgent;
  }
}
