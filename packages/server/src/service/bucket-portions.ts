import {
  type AggregateOptions,
  type Bucket,
  BucketFold,
  type Entries,
  type HistoryOptions,
  limits,
  type Portion,
  type Portioned,
  portion,
} from "@kvts/common";
import type { StoredVersion } from "./lists.ts";
import { bucketPosition } from "./resume.ts";

/** Few enough that lists from memory give the event loop its turns in between. */
const versionsAtATime = 256;

/** The buckets of a key, which can be left in the middle of one: what it has come to goes into the position. */
class BucketPortions implements Portioned<Bucket> {
  readonly #fold: BucketFold;
  readonly #versions: Entries<StoredVersion>;

  constructor(fold: BucketFold, versions: Entries<StoredVersion>) {
    this.#fold = fold;
    this.#versions = versions;
  }

  /** As many buckets as the versions that were read at a time complete, whatever the count. */
  async [portion](_count: number, isDue: () => boolean): Promise<Portion<Bucket>> {
    for (;;) {
      const versions = await this.#versions.nextv(versionsAtATime);
      for (const version of versions) this.#fold.add(version);
      const last = versions.at(-1);
      const ended = versions.length < versionsAtATime || last?.timestamp === limits.timestampMax;
      if (ended) this.#fold.end();
      const items = this.#fold.take();
      if (ended || last === undefined) return { items, ended: true };
      if (items.length > 0 || isDue()) {
        return { items, ended: false, resume: bucketPosition(last.timestamp + 1, this.#fold.unfinished) };
      }
    }
  }

  close(): Promise<void> {
    return this.#versions.close();
  }
}

/**
 * @param unfinished the bucket that the page before has left, as it was; empty where it has left none
 * @throws INVALID_ARGUMENT
 */
export function bucketPortions(
  options: AggregateOptions,
  unfinished: readonly number[],
  open: (options: HistoryOptions) => Entries<StoredVersion>,
): BucketPortions {
  const fold = new BucketFold(options, unfinished);
  return new BucketPortions(fold, open(fold.history));
}
