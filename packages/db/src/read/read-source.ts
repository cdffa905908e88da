import type { Fairness } from "../env/fairness.ts";
import type { Horizons } from "../retention/horizons.ts";
import type { Pin } from "./pins.ts";
import type { View } from "./view.ts";

/** What reads need of the database that they read. */
export interface ReadSource {
  /** The newest view, not acquired. @throws CLOSED */
  view(): View;
  /** The seq to read at: the newest published one, or a snapshot's. @throws CLOSED */
  seq(): number;
  /** The horizons to read by: those in force, or those of a snapshot's opening. Undefined where no history is cut. */
  horizons(): Horizons | undefined;
  /** Keeps a seq readable, and what those horizons show. */
  pin(seq: number, horizons: Horizons | undefined): Pin;
  /** Integer microseconds on the clock: what relative times count from. */
  now(): number;
  /** The same where expiry is judged: the clock, or for a snapshot what it said when that was taken. */
  moment(): number;
  nextTurn(): Promise<void>;
  /** Now and then, after many reads: a time to look whether their cost calls for a merge. */
  manyReads(): void;
  readonly fairness: Fairness;
}
