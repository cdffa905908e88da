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
import type { Listings } from "./listing.ts";
import { type Collected, collectPage, type ItemCodec, type Page, pageItems } from "./page.ts";
import { numberPosition, positionNumber, rangeAfter } from "./resume.ts";

/** Versions as the server handles them: keys in bytes. */
export type StoredVersion = Version<Uint8Array>;
export type StoredEntry = Entry<Uint8Array>;
export type StoredChange = Change<Uint8Array>;

/** Which page of a listing is asked for. */
export interface PageRequest {
  /** Most items wanted; 0 or nothing for the maximum. */
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ScanRequest extends PageRequest {
  readonly range: Range;
  readonly asOf?: TimeInput | undefined;
  readonly atSeq?: number | undefined;
  readonly reverse?: boolean | undefined;
  readonly includeDeleted?: boolean | undefined;
}

export interface VersionsRequest extends PageRequest {
  readonly key: Uint8Array;
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
  readonly atSeq?: number | undefined;
  readonly reverse?: boolean | undefined;
}

export interface AggregateRequest extends PageRequest {
  readonly key: Uint8Array;
  /** A duration, or microseconds. */
  readonly step: string | number;
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
  readonly atSeq?: number | undefined;
}

export interface BatchGetRequest extends PageRequest {
  readonly keys: readonly Uint8Array[];
  readonly asOf?: TimeInput | undefined;
  readonly atSeq?: number | undefined;
}

export interface DiffRequest extends PageRequest {
  readonly range: Range;
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
  readonly atSeq?: number | undefined;
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

export function createLists(listings: Listings, warn: Warn): Lists {
  const time = (input: TimeInput | undefined, now: () => number): number | undefined =>
    input === undefined ? undefined : parseTime(input, now, warn);
  return {
    scan(request, codec) {
      const range = resolveRange(request.range);
      const { asOf, atSeq, reverse = false, includeDeleted = false, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        atSeq,
        args: () => ["scan", range.start, range.end, timeArgument(asOf), atSeq, reverse, includeDeleted],
        async read(view, resume, now) {
          const rest = resume === undefined ? range : rangeAfter(range, resume, reverse);
          if (rest === undefined) return nothing;
          const options: ScanOptions = { asOf: time(asOf, now), reverse, includeDeleted, limit: itemsMax + 1, signal };
          return await collectAndClose(view.scan(rest, options), codec, itemsMax);
        },
        position: (last) => last.key,
      });
    },
    versions(request, codec) {
      const key = encodeKey(request.key);
      const { from, to, atSeq, reverse = false, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        atSeq,
        args: () => ["versions", key, timeArgument(from), timeArgument(to), atSeq, reverse],
        async read(view, resume, now) {
          const bounds = { from: time(from, now), to: time(to, now) };
          const rest = resume === undefined ? bounds : boundsAfter(bounds, positionNumber(resume), reverse);
          if (rest === undefined) return nothing;
          const options: HistoryOptions = { ...rest, reverse, limit: itemsMax + 1, signal };
          return await collectAndClose(view.history(key, options), codec, itemsMax);
        },
        position: (last) => numberPosition(last.timestamp),
      });
    },
    aggregate(request, codec) {
      const key = encodeKey(request.key);
      const step = parseStep(request.step);
      const { from, to, atSeq, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        atSeq,
        args: () => ["aggregate", key, step, timeArgument(from), timeArgument(to), atSeq],
        async read(view, resume, now) {
          const next = resume === undefined ? time(from, now) : positionNumber(resume) + step;
          if (next !== undefined && next > limits.timestampMax) return nothing;
          const options: AggregateOptions = { step, from: next, to: time(to, now), limit: itemsMax + 1, signal };
          return await collectAndClose(view.aggregate(key, options), codec, itemsMax);
        },
        position: (last) => numberPosition(last.timestamp),
      });
    },
    diff(request, codec) {
      const range = resolveRange(request.range);
      const { from, to, atSeq, pageToken, signal } = request;
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        atSeq,
        args: () => ["diff", range.start, range.end, timeArgument(from), timeArgument(to), atSeq],
        async read(view, resume, now) {
          const moments = resolveMoments({ from, to }, now, warn);
          const rest = resume === undefined ? range : rangeAfter(range, resume, false);
          if (rest === undefined) return nothing;
          const options: DiffOptions = { ...moments, limit: itemsMax + 1, signal };
          return await collectAndClose(view.diff(rest, options), codec, itemsMax);
        },
        position: (last) => last.key,
      });
    },
    batchGet(request, codec) {
      const { keys, asOf, atSeq, pageToken, signal } = request;
      checkKeys(keys);
      const itemsMax = checkedPageItems(request);
      return listings.page({
        pageToken,
        atSeq,
        args: () => ["batchGet", timeArgument(asOf), atSeq, ...keys],
        async read(view, resume, now) {
          const first = resume === undefined ? 0 : positionNumber(resume);
          const source = keyedSource(view, keys, first, time(asOf, now), signal);
          return await collectPage(source, byEntry(codec), itemsMax);
        },
        position: (last) => numberPosition(last.index + 1),
      });
    },
  };
}

const nothing: Collected<never, never> = { items: [], last: undefined, more: false };

async function collectAndClose<T, Item>(
  entries: Entries<T>,
  codec: ItemCodec<T, Item>,
  itemsMax: number,
): Promise<Collected<T, Item>> {
  try {
    return await collectPage(entries, codec, itemsMax);
  } finally {
    await entries.close();
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

/** The bounds of what comes after `timestamp` in the direction of a history; `undefined` when nothing can. */
function boundsAfter(
  bounds: { readonly from: number | undefined; readonly to: number | undefined },
  timestamp: number,
  reverse: boolean,
): { readonly from: number | undefined; readonly to: number | undefined } | undefined {
  const next = reverse ? timestamp + 1 : timestamp - 1;
  if (next < 0 || next > limits.timestampMax) return undefined;
  return reverse ? { ...bounds, from: next } : { ...bounds, to: next };
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
