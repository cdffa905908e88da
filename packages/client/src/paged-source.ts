import { type EntriesSource, KvtsError, limits } from "@kvts/common";
import type { PageRequest, WirePage } from "./wire.ts";

/** How much more than the last time the next page asks for, as the consumer goes on reading. */
const growth = 4;

/**
 * A sequence read page by page, each when the consumer has taken what came before. The first page has what is wanted at
 * once, the later ones more and more, up to a full page.
 */
class PagedSource<T> implements EntriesSource<T> {
  readonly #fetch: (request: PageRequest) => Promise<WirePage<T>>;
  /** Items still wanted, `Infinity` for all. */
  #left: number;
  #pageSize = 0;
  /** Of the next page; `undefined` once there is none. */
  #pageToken: string | undefined = "";

  constructor(fetch: (request: PageRequest) => Promise<WirePage<T>>, limit: number) {
    this.#fetch = fetch;
    this.#left = limit;
  }

  async pull(count: number): Promise<T[]> {
    if (this.#pageToken === undefined || this.#left === 0) return [];
    this.#pageSize = Math.min(Math.max(count, this.#pageSize * growth), limits.pageItemsMax);
    const pageSize = Math.min(this.#pageSize, this.#left);
    const { items, nextPageToken } = await this.#fetch({ pageSize, pageToken: this.#pageToken });
    if (items.length > pageSize || (items.length === 0 && nextPageToken !== "")) {
      throw new KvtsError(
        "INTERNAL",
        `the server answered a page of ${items.length} items where 1 to ${pageSize} were asked; it may be of another version`,
      );
    }
    this.#left -= items.length;
    this.#pageToken = nextPageToken === "" ? undefined : nextPageToken;
    return items.slice();
  }
}

/** @param limit most items of all, `Infinity` for every one */
export function pagedSource<T>(fetch: (request: PageRequest) => Promise<WirePage<T>>, limit: number): EntriesSource<T> {
  return new PagedSource(fetch, limit);
}
