/**
 * What a merge may leave out. Pure decisions on (timestamp, seq) of one key's versions, which ascend.
 *
 * With no horizon (history is kept for ever) the only droppable versions are those hidden by a higher seq at the very
 * same timestamp, and a retract with nothing left to hide. Tombstones stay: a backdated put could otherwise bring a
 * deleted key back. Below a horizon (key-floors.ts) nothing is written any more, and all but the newest version may go.
 */
export class Retention {
  readonly #pins: readonly number[];
  readonly #dropsRetracts: boolean;
  #seqFloor = 0;

  /**
   * @param pins seqs that snapshots, page tokens and running scans hold, ascending.
   * @param dropsRetracts no table outside the merge with a lower seq can hold any of its keys.
   */
  constructor(pins: readonly number[], dropsRetracts: boolean) {
    this.#pins = pins;
    this.#dropsRetracts = dropsRetracts;
  }

  /** The highest seq at which something was dropped that is visible below it; 0 where nothing was. */
  get seqFloor(): number {
    return this.#seqFloor;
  }

  /** Whether the version with `seq` may go, hidden by `hidingSeq` at the same timestamp; if so it counts as dropped. */
  dropHidden(seq: number, hidingSeq: number): boolean {
    // The same seq twice is one version: it was in the log and in a table when the log was replayed.
    if (seq === hidingSeq) return true;
    if (this.#pinnedWithin(seq, hidingSeq)) return false;
    if (hidingSeq > this.#seqFloor) this.#seqFloor = hidingSeq;
    return true;
  }

  /** Whether a retract that no higher seq hides may go; `keptBelow` says whether a pin kept what it hides. */
  dropRetract(seq: number, keptBelow: boolean): boolean {
    if (!this.#dropsRetracts || keptBelow || this.#pinnedWithin(0, seq)) return false;
    if (seq > this.#seqFloor) this.#seqFloor = seq;
    return true;
  }

  /**
   * Whether the version with `seq` may go, below the horizon and superseded there by a newer one with `newerSeq`. Where
   * that was committed before it, nobody has ever seen it, nor will.
   */
  dropSuperseded(seq: number, newerSeq: number): boolean {
    return seq >= newerSeq || this.dropHidden(seq, newerSeq);
  }

  /** Whether a version that says nothing may go, where nothing older is left; an older seq might miss what it hid. */
  dropSpent(seq: number): boolean {
    return !this.#pinnedWithin(0, seq);
  }

  /** Whether some pin p has low ≤ p < high. */
  #pinnedWithin(low: number, high: number): boolean {
    for (const pin of this.#pins) if (pin >= low && pin < high) return true;
    return false;
  }
}
