import type { FeedItem, HostedStore, Range, WatchEvent } from "@kvts/common";

/** Bytes of keys and values in one event, as far as it has more than one item: stock clients take 4 MiB. */
const eventBytesMax = 3 * 1024 * 1024;

export interface WatchRequest {
  readonly range: Range;
  readonly afterSeq?: number | undefined;
  readonly initial?: boolean | undefined;
  readonly incarnation?: string | undefined;
  /** Needed only where nobody closes the watch. */
  readonly signal?: AbortSignal | undefined;
}

export type StoredEvent = WatchEvent<Uint8Array>;

export interface Watching {
  /** Whose seqs a watch gives. */
  readonly incarnation: string;
  /** A watch that says at once where it begins, and now and then how far it has come. */
  watch(request: WatchRequest): Watched;
}

/** Events of a watch. `close` ends it, also while the next one is awaited. */
export interface Watched extends AsyncIterable<StoredEvent> {
  close(): Promise<void>;
}

export function createWatching(store: HostedStore<Uint8Array>, incarnation: string): Watching {
  return {
    incarnation,
    watch({ range, ...options }) {
      const events = store.watch(range, { ...options, progress: true });
      return {
        async *[Symbol.asyncIterator]() {
          for await (const event of events) yield* partsOf(event);
        },
        close: () => events.close(),
      };
    },
  };
}

/** The event as it may travel: a page of the initial state may be larger than that. */
function* partsOf(event: StoredEvent): Generator<StoredEvent> {
  let items: FeedItem<Uint8Array>[] = [];
  let bytes = 0;
  for (const item of event.items) {
    const more = bytesOf(item);
    // Of a batch, what comes is no larger: parts of it would need seqs of their own.
    if (event.initial === true && items.length > 0 && bytes + more > eventBytesMax) {
      yield { ...event, items, more: true };
      items = [];
      bytes = 0;
    }
    items.push(item);
    bytes += more;
  }
  yield { ...event, items };
}

function bytesOf(item: FeedItem<Uint8Array>): number {
  if (item.op === "deleteRange" || item.op === "restored") {
    return item.range.start.length + (item.range.end?.length ?? 0);
  }
  return item.key.length + (item.op === undefined && item.deleted === undefined ? item.value.length : 0);
}
