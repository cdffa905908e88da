import {
  type AggregateOptions,
  type Bucket,
  type Change,
  checkPositiveInteger,
  type DiffOptions,
  type Entries,
  type Entry,
  encodeKey,
  type HistoryOptions,
  KvtsError,
  limits,
  type Portioned,
  parseStep,
  parseTime,
  type Range,
  resolveMoments,
  resolveRange,
  type ScanOptions,
  type Snapshot,
  type TimeInput,
  type Version,
  type Warn,
} from "@kvts/common";
import { bucketPortions } from "./bucket-portions.ts";
import type { Listings } from "./listing.ts";
import { type Collected, collectPage, type ItemCodec, type Page, type PageGoal, pageItems } from "./page.ts";
import type { CommitsRequest } from "./reads.ts";
import {
  bucketsAfter,
  keyPosition,
  numberPosition,
  positionBucket,
  positionNumber,
  rangeFrom,
  timePosition,
} from "./resume.ts";

/** Versions as the server handles them: keys in bytes. */
export type StoredVersion = Version<Uint8Array>;
export type StoredEntry = Entry<Uint8Array>;
export type StoredChange = Change<Uint8Array>;

/** Which page of a listing is asked for, and of which commits. */
export interface PageRequest extends CommitsRequest {
  /** Most items wanted; 0 or nothing for the maximum. */
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ScanRequest extends PageRequest {
  readonly range: Range;
  readonly asOf?: TimeInput | undefined;
  readonly reverse?: boolean | undefined;
  readonly includeDeleted?: boolean | undefined;
}

export interface VersionsRequest extends PageRequest {
  readonly key: Uint8Array;
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
  readonly reverse?: boolean | undefined;
}

export interface AggregateRequest extends PageRequest {
  readonly key: Uint8Array;
  /** A duration, or microseconds. */
  readonly step: string | number;
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
}

export interface BatchGetRequest extends PageRequest {
  readonly keys: readonly Uint8Array[];
  readonly asOf?: TimeInput | undefined;
}

export interface DiffRequest extends PageRequest {
  readonly range: Range;
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
}

/** The reads that answer in pages. `codec` says how the asking face writes items, and how large they come out. */
export interface Lists {
  scan<I>(request: ScanRequest, codec: ItemCodec<StoredVersion, I>): Promise<Page<I>>;
  versions<I>(request: VersionsRequest, codec: ItemCodec<StoredVersion, I>): Promise<Page<I>>;
  aggregate<I>(request: AggregateRequest, codec: ItemCodec<Bucket, I>): Promise<Page<I>>;
  diff<I>(request: DiffRequest, codec: ItemCodec<StoredChange, I>): Promise<Page<I>>;
  /** One item a key, in the order asked; `undefined` is encoded for a key that holds nothing. */
  batchGet<I>(request: BatchGetRequest, codec: ItemCodec<StoredEntry | undefined, I>): Promise<Page<I>>;
}

/** @param pageTimeMs after which a page is answered as it is */
export function createLists(listings: Listings, pageTimeMs: number, warn: Warn): Lists {
  const deadline = (): (() => boolean) => {
    const dueAt = performance.now() + pageTimeMs;
    return () => performance.now() >= dueAt;
  };
  const time = (input: TimeInput | undefined, now: () => number): number | undefined =>
    input === undefined ? undefined : parseTime(input, now, warn);
  return {
    scan(request, codec) {
      const range = resolveRange(request.range);
      const { asOf, atSeq, reverse = false, includeDeleted = false, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        commits: request,
        args: () => ["scan", range.start, range.end, timeArgument(asOf), atSeq, reverse, includeDeleted],
        async read(view, resume, now) {
          const rest = resume === undefined ? range : rangeFrom(range, resume, reverse);
          if (rest === undefined) return nothing;
          const options: ScanOptions = { asOf: time(asOf, now), reverse, includeDeleted, signal };
          const position = ({ key }: StoredVersion): Uint8Array | undefined => keyPosition(key, reverse);
          return await collectAndClose(view.scan(rest, options), { codec, itemsMax, position, isDue: deadline() });
        },
      });
    },
    versions(request, codec) {
      const key = encodeKey(request.key);
      const { from, to, atSeq, reverse = false, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        commits: request,
        args: () => ["versions", key, timeArgument(from), timeArgument(to), atSeq, reverse],
        async read(view, resume, now) {
          const bounds = { from: time(from, now), to: time(to, now) };
          const next = resume === undefined ? undefined : positionNumber(resume);
          const rest = next === undefined ? bounds : reverse ? { ...bounds, from: next } : { ...bounds, to: next };
          const options: HistoryOptions = { ...rest, reverse, limit: itemsMax + 1, signal };
          const position = ({ timestamp }: StoredVersion): Uint8Array | undefined => timePosition(timestamp, reverse);
          return await collectAndClose(view.history(key, options), { codec, itemsMax, position, isDue: deadline() });
        },
      });
    },
    aggregate(request, codec) {
      const key = encodeKey(request.key);
      const step = parseStep(request.step);
      const { from, to, atSeq, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        commits: request,
        args: () => ["aggregate", key, step, timeArgument(from), timeArgument(to), atSeq],
        async read(view, resume, now) {
          const done = resume === undefined ? { from: time(from, now), unfinished: [] } : positionBucket(resume);
          const options: AggregateOptions = { step, from: done.from, to: time(to, now), signal };
          const source = bucketPortions(options, done.unfinished, (history) => view.history(key, history));
          const position = ({ timestamp }: Bucket): Uint8Array | undefined => bucketsAfter(timestamp, step);
          return await collectAndClose(source, { codec, itemsMax, position, isDue: deadline() });
        },
      });
    },
    diff(request, codec) {
      const range = resolveRange(request.range);
      const { from, to, atSeq, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        commits: request,
        args: () => ["diff", range.start, range.end, timeArgument(from), timeArgument(to), atSeq],
        async read(view, resume, now) {
          const moments = resolveMoments({ from, to }, now, warn);
          const rest = resume === undefined ? range : rangeFrom(range, resume, false);
          if (rest === undefined) return nothing;
          const options: DiffOptions = { ...moments, signal };
          const position = ({ key }: StoredChange): Uint8Array | undefined => keyPosition(key, false);
          return await collectAndClose(view.diff(rest, options), { codec, itemsMax, position, isDue: deadline() });
        },
      });
    },
    batchGet(request, codec) {
      const { keys, asOf, atSeq, pageToken, signal } = request;
      checkKeys(keys);
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        commits: request,
        args: () => ["batchGet", timeArgument(asOf), atSeq, ...keys],
        async read(view, resume, now) {
          const first = resume === undefined ? 0 : positionNumber(resume);
          const source = keyedSource(view, keys, first, time(asOf, now), signal);
          const position = ({ index }: Indexed): Uint8Array => numberPosition(index + 1);
          return await collectPage(source, { codec: byEntry(codec), itemsMax, position, isDue: deadline() });
        },
      });
    },
  };
}

const nothing: Collected<never> = { items: [], resume: undefined };

async function collectAndClose<T, I>(
  source: (Pick<Entries<T>, "nextv"> | Portioned<T>) & Pick<Entries<T>, "close">,
  goal: PageGoal<T, I>,
): Promise<Collected<I>> {
  try {
    return await collectPage(source, goal);
  } finally {
    await source.close();
  }
}

/** Dates and texts are equal when they would read the same. */
function timeArgument(input: TimeInput | undefined): string | number | undefined {
  return input instanceof Date ? input.getTime() * 1000 : input;
}

function checkedPageItems({ pageSize }: PageRequest): number {
  if (pageSize !== undefined && pageSize !== 0) checkPositiveInteger(pageSize, "page size");
  return pageItems(pageSize);
}

function checkKeys(keys: readonly Uint8Array[]): void {
  if (keys.length > limits.batchOperationsMax) {
    throw new KvtsError(
      "TOO_LARGE",
      `one request asks for at most ${limits.batchOperationsMax} keys; split these ${keys.length}`,
      { details: { limit: limits.batchOperationsMax } },
    );
  }
  for (const key of keys) encodeKey(key);
}

interface Indexed {
  readonly index: number;
  readonly entry: StoredEntry | undefined;
}

function byEntry<Item>(codec: ItemCodec<StoredEntry | undefined, Item>): ItemCodec<Indexed, Item> {
  return { encode: ({ entry }) => codec.encode(entry), bytes: codec.bytes };
}

/** The answers for `keys` from the index `first` on. */
function keyedSource(
  view: Snapshot<Uint8Array>,
  keys: readonly Uint8Array[],
  first: number,
  asOf: number | undefined,
  signal: AbortSignal | undefined,
): Pick<Entries<Indexed>, "nextv"> {
  let next = first;
  return {
    async nextv(count) {
      const wanted = keys.slice(next, next + count);
      const entries = wanted.length === 0 ? [] : await view.getMany(wanted, { asOf, signal });
      const indexed = entries.map((entry, offset) => ({ index: next + offset, entry }));
      next += wanted.length;
      return indexed;
    },
  };
}
