import type { Scheduler } from "../../env/scheduler.ts";
import type { Random } from "../random.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Milliseconds that every turn takes, so that nobody who only takes turns keeps time from passing. */
const TURN_MS_MIN = 0.02;
/** Milliseconds that the slowest turn and the slowest call to a disk take: of a machine at rest, and of one that is not. */
const TURNS_MS_MAX: readonly number[] = [TURN_MS_MIN, 0.1, 1];
const FILE_CALLS_MS_MAX: readonly number[] = [0, 0.05, 2, 20];

/** Turns of the event loop with nobody to wake after which those who still wait wait for ever. */
const IDLE_TURNS_MAX = 3;
/** Wakings after which a run does not look as if it came to an end. */
const WAKINGS_MAX = 5_000_000;

/**
 * Time and turns of one simulated process. Everything that waits (timers, turns, calls to the disk) is woken one after
 * the other, each in a turn of the event loop to itself, at hours that the seed decides: equal seeds, equal
 * interleavings. Nothing of it goes on outside {@link run}, so a process that is halted is gone with all it had begun.
 */
export class SeededScheduler implements Scheduler {
  readonly #random: Random;
  readonly #turnMsMax: number;
  readonly #fileCallMsMax: number;
  /** By time of waking; of equal ones, in the order in which they lay down. */
  readonly #sleepers: Sleeper[] = [];
  #nowMs = 0;
  #isHalted = false;

  constructor(random: Random) {
    this.#random = random.fork();
    this.#turnMsMax = this.#random.pick(TURNS_MS_MAX);
    this.#fileCallMsMax = this.#random.pick(FILE_CALLS_MS_MAX);
  }

  get isHalted(): boolean {
    return this.#isHalted;
  }

  delay(ms: number): Promise<void> {
    return this.#sleep(ms);
  }

  nextTurn(): Promise<void> {
    return this.#sleep(TURN_MS_MIN + this.#upTo(this.#turnMsMax - TURN_MS_MIN));
  }

  /** What a call to the disk waits for. */
  fileCall(): Promise<void> {
    return this.#sleep(this.#upTo(this.#fileCallMsMax));
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Ends the process: nobody is woken any more. */
  halt(): void {
    this.#isHalted = true;
  }

  /**
   * Lets the process live until `work` is done, and returns its outcome; undefined where the process was halted.
   * @throws where it waits for what never comes
   */
  async run<T>(work: Promise<T>): Promise<T | undefined> {
    let outcome: (() => T) | undefined;
    work.then(
      (value) => {
        outcome = () => value;
      },
      (error: unknown) => {
        outcome = () => {
          throw error;
        };
      },
    );
    for (let idle = 0, wakings = 0; ; wakings++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#isHalted) return undefined;
      if (outcome !== undefined) return (outcome as () => T)();
      idle = this.#wakeNext() ? 0 : idle + 1;
      if (idle > IDLE_TURNS_MAX) throw new Error("it hangs: all that is left waits for what never comes");
      if (wakings > WAKINGS_MAX) throw new Error(`it hangs: no end after ${this.#nowMs} ms`);
    }
  }

  #wakeNext(): boolean {
    const next = this.#sleepers.shift();
    if (next === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.wake();
    return true;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      const atMs = this.#nowMs + ms;
      let at = this.#sleepers.length;
      while (at > 0 && this.#sleepers[at - 1]!.atMs > atMs) at--;
      this.#sleepers.splice(at, 0, { atMs, wake });
    });
  }

  #upTo(ms: number): number {
    return ms === 0 ? 0 : (this.#random.u32() / 2 ** 32) * ms;
  }
}
