import { type Entries, limits, type Portioned, takePortion } from "@kvts/common";
import { tokenCharactersMax } from "./page-token.ts";

/** One page of a listing, in the items of the face that asked. */
export interface Page<I> {
  readonly items: readonly I[];
  readonly nextPageToken: string | undefined;
  /** The seq that every page is read at. */
  readonly seq: number;
}

/** How a face writes the items of a page, and how many bytes each takes there, separators included. */
export interface ItemCodec<T, I> {
  encode(item: T): I;
  bytes(item: I): number;
}

/** The part of a listing that fits a page, or that was found in a page's time. */
export interface Collected<I> {
  readonly items: I[];
  /** Where the next page begins, `undefined` where nothing is left. */
  readonly resume: Uint8Array | undefined;
}

/** What a page is made of, and when it is to be answered as it is. */
export interface PageGoal<T, I> {
  readonly codec: ItemCodec<T, I>;
  readonly itemsMax: number;
  /** Where a page begins that comes after `last`. */
  position(last: T): Uint8Array | undefined;
  isDue(): boolean;
}

/** What the items of a page may take, the fields around them and the longest token set aside. */
export const pageItemBytesMax: number = limits.pageBytesMax - tokenCharactersMax - 256;

/** Most items taken from a store at a time, so that a few large values among small ones do not fill the memory. */
const takenMax = 128;

/** The number of items in a page for what a client asked: its wish, the maximum for 0 or more than that. */
export function pageItems(pageSize: number | undefined): number {
  return pageSize === undefined || pageSize === 0 ? limits.pageItemsMax : Math.min(pageSize, limits.pageItemsMax);
}

/**
 * Takes items while they fit a page: at most `itemsMax`, and one at least or else within the bytes of a page; fewer, or
 * none, once it is due. Reads on in steps that grow with what was seen, so that little is read in vain, whatever the size
 * of the values.
 */
export async function collectPage<T, I>(
  source: Pick<Entries<T>, "nextv"> | Portioned<T>,
  { codec, itemsMax, position, isDue }: PageGoal<T, I>,
): Promise<Collected<I>> {
  const items: I[] = [];
  /** What `items` ends with; the list goes on behind it. */
  let last: T | undefined;
  let bytes = 0;
  let largest = 0;
  for (;;) {
    // One more than fits tells whether this page is the last.
    const fitting = largest === 0 ? 1 : Math.ceil((pageItemBytesMax - bytes + 1) / largest);
    const count = Math.max(1, Math.min(itemsMax - items.length + 1, items.length, fitting, takenMax));
    const taken = await takePortion(source, count, isDue);
    for (const item of taken.items) {
      if (items.length === itemsMax) return { items, resume: position(last!) };
      const encoded = codec.encode(item);
      const size = codec.bytes(encoded);
      if (items.length > 0 && bytes + size > pageItemBytesMax) return { items, resume: position(last!) };
      items.push(encoded);
      last = item;
      bytes += size;
      if (size > largest) largest = size;
    }
    if (taken.ended) return { items, resume: undefined };
    if (!isDue()) continue;
    const resume = taken.resume ?? (last === undefined ? undefined : position(last));
    if (resume !== undefined) return { items, resume };
  }
}
