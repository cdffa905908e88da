import { textOf } from "./bytes.ts";
import { durationMicros } from "./durations.ts";
import { makeEntries } from "./entries.ts";
import { invalidArgument } from "./errors.ts";
import { checkLimit } from "./numbers.ts";
import { checkCallOptions } from "./options.ts";
import { shown } from "./shown.ts";
import type { AggregateOptions, Bucket, Entries, HistoryOptions, Key, Version } from "./store.ts";
import { formatTime } from "./time.ts";

/** A number as JSON writes it, white space around it included. */
const jsonNumber = /^[ \t\r\n]*-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?[ \t\r\n]*$/;

/** Longer texts are no numbers: what is long is not searched through. */
const numberBytesMax = 1024;

/** The number that a value is: as JSON writes it, and finite; `undefined` for every other value. */
export function numberOf(value: Uint8Array): number | undefined {
  if (value.length > numberBytesMax) return undefined;
  const text = textOf(value);
  if (text === undefined || !jsonNumber.test(text)) return undefined;
  const number = Number(text);
  // Adding 0 makes one zero of the two, which JSON would not keep apart.
  return Number.isFinite(number) ? number + 0 : undefined;
}

/**
 * The microseconds of a step: a duration such as `1h`, or a whole number of microseconds, at least 1.
 * @throws INVALID_ARGUMENT
 */
export function parseStep(step: number | string | undefined): number {
  const micros = typeof step === "string" ? durationMicros(step) : step;
  if (micros !== undefined && Number.isSafeInteger(micros) && micros >= 1) return micros;
  throw invalidArgument(
    `step must be a duration such as "1h", or a whole number of microseconds, at least 1, not ${shown(step)}`,
    { field: "step" },
  );
}

/** A bucket in JSON, the same in HTTP bodies and on the command line. */
export type BucketJson = Bucket & { readonly time: string };

/** A bucket as its JSON object, fields in their documented order. */
export function bucketToJson({ timestamp, ...figures }: Bucket): BucketJson {
  return { timestamp, time: formatTime(timestamp), ...figures };
}

/** The buckets that a key's versions make up. `open` opens its history; what it throws fails the first read. */
export function aggregateEntries(
  open: (options: HistoryOptions) => Entries<Version<Key>>,
  options: AggregateOptions,
): Entries<Bucket> {
  const fold = foldOrError(options);
  let versions: Entries<Version<Key>> | undefined;
  return makeEntries({
    async pull() {
      if (!(fold instanceof BucketFold)) throw fold.error;
      versions ??= open(fold.history);
      while (!fold.ended) {
        const part = await versions.nextv(versionsAtATime);
        for (const version of part) fold.add(version);
        if (part.length < versionsAtATime) fold.end();
        const buckets = fold.take();
        if (buckets.length > 0) return buckets;
      }
      return [];
    },
    close: () => versions?.close(),
  });
}

/** Options are checked, and taken over, at the call; what is wrong with them fails the first read. */
function foldOrError(options: AggregateOptions): BucketFold | { readonly error: unknown } {
  try {
    return new BucketFold(options);
  } catch (error) {
    return { error };
  }
}

/** The same, read at once. */
export function* aggregateSync(
  open: (options: HistoryOptions) => Iterable<Version<Key>>,
  options: AggregateOptions,
): Generator<Bucket, undefined, undefined> {
  const fold = new BucketFold(options);
  for (const version of open(fold.history)) {
    fold.add(version);
    yield* fold.take();
    if (fold.ended) return;
  }
  fold.end();
  yield* fold.take();
}

/** Few enough that lists from memory give the event loop its turns in between. */
const versionsAtATime = 256;

/** Makes buckets of versions that come oldest first. */
export class BucketFold {
  /** What to ask of the history. */
  readonly history: HistoryOptions;
  /** Whether there will be no more buckets. */
  ended = false;
  readonly #step: number;
  #left: number;
  #done: Bucket[] = [];
  #numbers: Numbers | undefined;

  /**
   * @param unfinished of a fold that this one goes on with
   * @throws INVALID_ARGUMENT
   */
  constructor(options: AggregateOptions, unfinished: readonly number[] = []) {
    checkCallOptions(options ?? {}, "aggregate");
    const { step, limit, ...history } = options ?? {};
    this.history = { ...history, reverse: true };
    this.#step = parseStep(step);
    this.#left = checkLimit(limit);
    if (unfinished.length > 0) this.#numbers = new Numbers(unfinished[0]!, unfinished);
  }

  /** The bucket that is not complete, as numbers; none where there is no such bucket. */
  get unfinished(): readonly number[] {
    return this.#numbers?.state() ?? [];
  }

  add(version: Version<Key>): void {
    if (this.ended) return;
    const { timestamp } = version;
    const start = timestamp - (timestamp % this.#step);
    if (this.#numbers?.start !== start) {
      this.#finish();
      this.#numbers = new Numbers(start);
    }
    if (version.deleted !== true) this.#numbers.add(numberOf(version.value));
  }

  /** No more versions come. */
  end(): void {
    this.#finish();
    this.ended = true;
  }

  /** The buckets that are complete and have not been taken. */
  take(): Bucket[] {
    const buckets = this.#done;
    this.#done = [];
    return buckets;
  }

  #finish(): void {
    const bucket = this.#numbers?.bucket();
    this.#numbers = undefined;
    if (bucket === undefined || this.#left === 0) return;
    this.#done.push(bucket);
    this.ended = --this.#left === 0;
  }
}

/** Scales sums that would leave the range of numbers. */
const scale = 2 ** -64;

/** The numbers of one bucket. */
class Numbers {
  readonly start: number;
  #count = 0;
  #skipped = 0;
  #first = 0;
  #last = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  // Neumaier's summation: `#lost` has the low digits that adding to `#sum` drops.
  #sum = 0;
  #lost = 0;
  #scaledSum = 0;

  /** @param state of the same bucket, left unfinished */
  constructor(start: number, state?: readonly number[]) {
    this.start = start;
    if (state === undefined) return;
    const [, count, skipped, first, last, min, max, sum, lost, scaledSum] = state;
    this.#count = count!;
    this.#skipped = skipped!;
    this.#first = first!;
    this.#last = last!;
    this.#min = min!;
    this.#max = max!;
    this.#sum = sum!;
    this.#lost = lost!;
    this.#scaledSum = scaledSum!;
  }

  state(): readonly number[] {
    const figures = [this.#count, this.#skipped, this.#first, this.#last, this.#min, this.#max];
    return [this.start, ...figures, this.#sum, this.#lost, this.#scaledSum];
  }

  add(number: number | undefined): void {
    if (number === undefined) {
      this.#skipped++;
      return;
    }
    if (this.#count++ === 0) this.#first = number;
    this.#last = number;
    if (number < this.#min) this.#min = number;
    if (number > this.#max) this.#max = number;
    const sum = this.#sum + number;
    this.#lost += Math.abs(this.#sum) >= Math.abs(number) ? this.#sum - sum + number : number - sum + this.#sum;
    this.#sum = sum;
    this.#scaledSum += number * scale;
  }

  /** `undefined` where there is no number. */
  bucket(): Bucket | undefined {
    if (this.#count === 0) return undefined;
    return {
      timestamp: this.start,
      count: this.#count,
      skipped: this.#skipped,
      first: this.#first,
      last: this.#last,
      min: this.#min,
      max: this.#max,
      mean: this.#mean(),
    };
  }

  /** Rounding must not carry it past the numbers that it is the mean of. */
  #mean(): number {
    const exact = (this.#sum + this.#lost) / this.#count;
    const mean = Number.isFinite(exact) ? exact : this.#scaledSum / this.#count / scale;
    return Math.min(Math.max(mean, this.#min), this.#max);
  }
}
