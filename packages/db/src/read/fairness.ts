/** Answers from memory after which a read gives way: about half a millisecond's work. */
const ANSWERS_PER_TURN = 512;

/**
 * Keeps the event loop turning under readers that never wait. An answer from memory settles its promise at once, so a
 * loop of `await get()` would run on microtasks alone, and neither timers nor syncs nor sockets would get a turn.
 */
export class Fairness {
  #answers = 0;

  /** Counts `answers` more; true where the reader should wait for the next turn now. */
  isDue(answers: number): boolean {
    this.#answers += answers;
    if (this.#answers < ANSWERS_PER_TURN) return false;
    this.#answers = 0;
    return true;
  }
}
