import { compareBytes } from "@kvts/common";
import { brokenAnswer } from "./failures.ts";
import type { WireFeedItem } from "./wire.ts";

/** As much of an initial state as has come: its keys come in order, so that the last one says what is still to come. */
export class PartialState {
  /** The state is that at this seq, whichever connection brings it. */
  readonly seq: number;
  #lastKey: Uint8Array | undefined;

  constructor(seq: number) {
    this.seq = seq;
  }

  /** Those of a page's items that have not come before, over another connection. */
  take(items: readonly WireFeedItem[]): readonly WireFeedItem[] {
    const last = this.#lastKey;
    const fresh = last === undefined ? items : items.filter((item) => compareBytes(keyOf(item), last) > 0);
    const final = fresh.at(-1);
    if (final !== undefined) this.#lastKey = keyOf(final);
    return fresh;
  }
}

function keyOf(item: WireFeedItem): Uint8Array {
  if (item.op === "deleteRange" || item.op === "restored") {
    throw brokenAnswer("a deleted or restored range is in a state, which has keys alone");
  }
  return item.key;
}
