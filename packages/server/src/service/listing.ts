import { type Clock, type HostedStore, KvtsError, type Logger, type Snapshot } from "@kvts/common";
import type { Collected, Page } from "./page.ts";
import { type Argument, type PagePosition, type TokenFormat, tokenFormat } from "./page-token.ts";
import { createPins, type Pins } from "./pins.ts";

/** One page of one listing, as the listing itself sees it. */
export interface PageTask<T, I> {
  readonly pageToken: string | undefined;
  /** The seq to read at where there is no token; the newest without it. */
  readonly atSeq?: number | undefined;
  /** What a token is tied to, made only where there is one: it may have to go through a lot of bytes. */
  args(): readonly Argument[];
  /**
   * Reads the page.
   * @param resume where the page before ended, `undefined` for the first
   * @param now the moment that relative times count from, the same for all pages
   */
  read(view: Snapshot<Uint8Array>, resume: Uint8Array | undefined, now: () => number): Promise<Collected<T, I>>;
  /** Where a page ends whose last item is `last`. */
  position(last: T): Uint8Array;
}

/** Listings in pages that are all read at one seq. */
export interface Listings {
  /**
   * @throws INVALID_ARGUMENT for a token of another request
   * @throws CURSOR_EXPIRED for one whose seq is no longer readable
   */
  page<T, I>(task: PageTask<T, I>): Promise<Page<I>>;
  close(): Promise<void>;
}

export interface ListingOptions {
  readonly incarnation: string;
  readonly pageTokenIdleMs: number;
  readonly maxPageTokens: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createListings(store: HostedStore<Uint8Array>, options: ListingOptions): Listings {
  const { incarnation, pageTokenIdleMs: idleMs, maxPageTokens: pinsMax, clock, logger } = options;
  const tokens = tokenFormat(incarnation);
  const pins = createPins(store, { idleMs, pinsMax, logger });
  return {
    page: (task) => readPage(task, tokens, pins, clock),
    close: () => pins.close(),
  };
}

async function readPage<T, I>(task: PageTask<T, I>, tokens: TokenFormat, pins: Pins, clock: Clock): Promise<Page<I>> {
  const position = task.pageToken === undefined ? undefined : positionOf(task.pageToken, task, tokens);
  const openedAt = position?.openedAt ?? clock.now();
  const pin = position === undefined ? pins.open(task.atSeq) : pins.reopen(position.pin, position.seq);
  // After a failed page the client may try that page again.
  let keep = position !== undefined;
  try {
    const { items, last, more } = await task.read(pin.view, position?.resume, () => openedAt);
    const { seq } = pin.view;
    keep = more && last !== undefined;
    if (!more || last === undefined) return { items, nextPageToken: undefined, seq };
    const next = { openedAt, seq, pin: pin.id, resume: task.position(last) };
    return { items, nextPageToken: tokens.seal(next, task.args()), seq };
  } finally {
    pins.release(pin, keep);
  }
}

function positionOf<T, I>(token: string, task: PageTask<T, I>, tokens: TokenFormat): PagePosition {
  const opened = tokens.open(token, task.args());
  if (opened.current) return opened;
  throw new KvtsError(
    "CURSOR_EXPIRED",
    "the store was repaired or restored since this page token was made; begin anew",
  );
}
