import { type Clock, type HostedStore, KvtsError, type Logger, type Snapshot } from "@kvts/common";
import type { Leases } from "./leases.ts";
import type { Collected, Page } from "./page.ts";
import { type Argument, type PagePosition, type TokenFormat, tokenFormat } from "./page-token.ts";
import { createPins, type Pins } from "./pins.ts";
import { type CommitsRequest, checkCommits } from "./reads.ts";

/** One page of one listing, as the listing itself sees it. */
export interface PageTask<I> {
  readonly pageToken: string | undefined;
  /** Of the first page; the newest are all there without a seq or snapshot. */
  readonly commits: CommitsRequest;
  /** What a token is tied to, made only where there is one: it may have to go through a lot of bytes. */
  args(): readonly Argument[];
  /**
   * Reads the page.
   * @param resume where it begins, `undefined` for the first
   * @param now the moment that relative times count from, the same for all pages
   */
  read(view: Snapshot<Uint8Array>, resume: Uint8Array | undefined, now: () => number): Promise<Collected<I>>;
}

/** Listings in pages that are all read at one seq. */
export interface Listings {
  /**
   * @throws INVALID_ARGUMENT for a token of another request
   * @throws CURSOR_EXPIRED for one whose seq is no longer readable, SNAPSHOT_EXPIRED where the lease has ended
   */
  page<I>(task: PageTask<I>): Promise<Page<I>>;
  close(): Promise<void>;
}

export interface ListingOptions {
  readonly incarnation: string;
  readonly pageTokenIdleMs: number;
  readonly maxPageTokens: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createListings(store: HostedStore<Uint8Array>, leases: Leases, options: ListingOptions): Listings {
  const { incarnation, pageTokenIdleMs: idleMs, maxPageTokens: pinsMax, clock, logger } = options;
  const tokens = tokenFormat(incarnation);
  const pins = createPins(store, { idleMs, pinsMax, logger });
  return {
    async page(task) {
      checkCommits(task.commits);
      const { snapshot } = task.commits;
      if (snapshot === undefined) return await readPinnedPage(task, tokens, pins, clock);
      return await leases.use(snapshot, (view) => readLeasedPage(task, snapshot, view, tokens, clock));
    },
    close: () => pins.close(),
  };
}

/** A page of a list that holds its seq by its own tokens. */
async function readPinnedPage<I>(task: PageTask<I>, tokens: TokenFormat, pins: Pins, clock: Clock): Promise<Page<I>> {
  const position = task.pageToken === undefined ? undefined : positionOf(task.pageToken, task.args(), tokens);
  const openedAt = position?.openedAt ?? clock.now();
  const pin = position === undefined ? pins.open(task.commits.atSeq) : pins.reopen(position.pin, position.seq);
  // After a failed page the client may try that page again.
  let keep = position !== undefined;
  try {
    const { items, resume } = await task.read(pin.view, position?.resume, () => openedAt);
    const { seq } = pin.view;
    keep = resume !== undefined;
    if (resume === undefined) return { items, nextPageToken: undefined, seq };
    const next = { openedAt, seq, pin: pin.id, resume };
    return { items, nextPageToken: tokens.seal(next, task.args()), seq };
  } finally {
    pins.release(pin, keep);
  }
}

/** A page of a list in a snapshot, whose lease holds its seq. */
async function readLeasedPage<I>(
  task: PageTask<I>,
  snapshot: string,
  view: Snapshot<Uint8Array>,
  tokens: TokenFormat,
  clock: Clock,
): Promise<Page<I>> {
  const args = (): readonly Argument[] => [...task.args(), snapshot];
  const position = task.pageToken === undefined ? undefined : positionOf(task.pageToken, args(), tokens);
  const openedAt = position?.openedAt ?? clock.now();
  const { items, resume } = await task.read(view, position?.resume, () => openedAt);
  const { seq } = view;
  if (resume === undefined) return { items, nextPageToken: undefined, seq };
  const next = { openedAt, seq, pin: 0, resume };
  return { items, nextPageToken: tokens.seal(next, args()), seq };
}

function positionOf(token: string, args: readonly Argument[], tokens: TokenFormat): PagePosition {
  const opened = tokens.open(token, args);
  if (opened.current) return opened;
  throw new KvtsError(
    "CURSOR_EXPIRED",
    "the store was repaired or restored since this page token was made; begin anew",
  );
}
