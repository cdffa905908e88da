/** Seqs reserved ahead of use. */
const SEQ_STEP = 1_000_000;
/** Assigned timestamps reserved ahead of use, in microseconds: one second. */
const TIMESTAMP_STEP = 1_000_000;

export interface CeilingValues {
  /** No seq above it has been given out. */
  readonly seqCeiling: number;
  /** No timestamp above it has been assigned. */
  readonly timestampCeiling: number;
}

/**
 * Keeps the promise that no seq and no assigned timestamp is ever given out twice, not even after a lost log tail: what
 * is given out lies below ceilings that the manifest holds, and after an unclean stop the store goes on from there.
 */
export class Ceilings {
  readonly #persist: (values: CeilingValues) => Promise<void>;
  /** What the manifest holds for certain. */
  #durable: CeilingValues;
  #wanted: CeilingValues;
  #raising: Promise<void> | undefined;

  constructor(durable: CeilingValues, persist: (values: CeilingValues) => Promise<void>) {
    this.#durable = durable;
    this.#wanted = durable;
    this.#persist = persist;
  }

  /**
   * Resolves once `seq` and `assigned` lie below durable ceilings; undefined where they do already, the usual case. The
   * next stretch is reserved when half of one is used up, so that writers hardly ever wait for it.
   */
  cover(seq: number, assigned: number): Promise<void> | undefined {
    const { seqCeiling, timestampCeiling } = this.#durable;
    if (seq > seqCeiling - SEQ_STEP / 2 || assigned > timestampCeiling - TIMESTAMP_STEP / 2) this.#want(seq, assigned);
    if (seq <= seqCeiling && assigned <= timestampCeiling) return undefined;
    return this.#raised(seq, assigned);
  }

  #want(seq: number, assigned: number): void {
    this.#wanted = {
      seqCeiling: Math.max(this.#wanted.seqCeiling, seq + SEQ_STEP),
      timestampCeiling: Math.max(this.#wanted.timestampCeiling, assigned + TIMESTAMP_STEP),
    };
    if (this.#raising !== undefined) return;
    const raising = this.#raise();
    this.#raising = raising;
    // Whoever needs the ceiling awaits it and sees the failure; a raise ahead of need is tried again with the next one.
    raising
      .catch(() => {})
      .finally(() => {
        this.#raising = undefined;
      });
  }

  async #raise(): Promise<void> {
    const values = this.#wanted;
    await this.#persist(values);
    this.#durable = values;
  }

  async #raised(seq: number, assigned: number): Promise<void> {
    while (seq > this.#durable.seqCeiling || assigned > this.#durable.timestampCeiling) {
      this.#want(seq, assigned);
      await this.#raising;
    }
  }
}
