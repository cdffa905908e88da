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
    while (this.#pageToken !== undefined && this.#left > 0) {
      const items = await this.#nextPage(count, this.#pageToken);
      if (items.length > 0) return items;
    }
    return [];
  }

  /** No page is asked for any more: without it, a list that finds nothing could not be left. */
  interrupt(): void {
    this.#left = 0;
  }

  /** A page may be short, and empty: then the server has found nothing in the time that it gives a page. */
  async #nextPage(count: number, pageToken: string): Promise<T[]> {
    this.#pageSize = Math.min(Math.max(count, this.#pageSize * growth), limits.pageItemsMax);
    const pageSize = Math.min(this.#pageSize, this.#left);
    const { items, nextPageToken } = await this.#fetch({ pageSize, pageToken });
    if (items.length > pageSize || (nextPageToken !== "" && nextPageToken === pageToken)) {
      throw new KvtsError(
        "INTERNAL",
        `the server answered a page of ${items.length} items where ${pageSize} at most were asked, or one that does not get on; it may be of another version`,
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
