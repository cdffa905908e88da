/** Operations after which a caller gives way: about half a millisecond's work. */
const OPERATIONS_PER_TURN = 512;

/**
 * Keeps the event loop turning under callers that never wait. An answer from memory, or a buffered write, settles its
 * promise at once, so a loop of `await get()` would run on microtasks alone, and neither timers nor syncs nor sockets
 * would get a turn.
 */
export class Fairness {
  #operations = 0;

  /** Counts `operations` more; true where the caller should wait for the next turn now. */
  isDue(operations: number): boolean {
    this.#operations += operations;
    if (this.#operations < OPERATIONS_PER_TURN) return false;
    this.#operations = 0;
    return true;
  }
}
