/** Lets urgent jobs of one thread overtake the others: those wait between two steps until no urgent one is left. */
export class TurnTaking {
  readonly #nextTurn: () => Promise<void>;
  #urgent = 0;

  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn;
  }

  /** A job begins; call the result when it has ended. */
  begin(urgent: boolean): () => void {
    if (!urgent) return () => {};
    this.#urgent++;
    return () => {
      this.#urgent--;
    };
  }

  /** Between two steps of a job. */
  async pause(urgent: boolean): Promise<void> {
    do await this.#nextTurn();
    while (!urgent && this.#urgent > 0);
  }
}
