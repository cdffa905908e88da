import type { Entries } from "./store.ts";

/** What a list has found in the time that it was given, perhaps nothing. */
export interface Portion<T> {
  readonly items: T[];
  /** Whether nothing is left. */
  readonly ended: boolean;
  /**
   * From where on the list has found nothing yet, where it can tell: forward the first key that may still come, in
   * reverse the key below which all that may still come lies.
   */
  readonly resume?: Uint8Array | undefined;
}

/**
 * What a list has that can be left behind keys that it does not show, as servers do which answer in pages. The name is
 * the same in every copy of this package.
 */
export const portion: unique symbol = Symbol.for("kvts.portion") as typeof portion;

/** A list that can be left anywhere. It is read by portions, or in the other ways, but not by both. */
export interface Portioned<T> {
  /**
   * The next items, `count` at most.
   * @param isDue whether it is time to answer with what there is; heeded once the list has come further
   */
  [portion](count: number, isDue: () => boolean): Promise<Portion<T>>;
}

/** A portion of any list; of one that can be left at its items alone, `count` of them while there are. */
export async function takePortion<T>(
  entries: Pick<Entries<T>, "nextv"> | Portioned<T>,
  count: number,
  isDue: () => boolean,
): Promise<Portion<T>> {
  if (portion in entries) return await entries[portion](count, isDue);
  const items = await entries.nextv(count);
  return { items, ended: items.length < count };
}
