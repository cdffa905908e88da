import { compareBytes, equalBytes, prefixEnd, type ResolvedRange } from "@kvts/common";
import { overlap } from "../marks/overlap.ts";
import { type FeedMemory, Topic } from "./topic.ts";

type Latin1 = Buffer & { latin1Slice(start: number, end: number): string };

/**
 * Finds the topics whose range holds a key. They lie under the longest prefix that all keys of their range share, so
 * that a key is looked up once for each length that such a prefix has, however many topics there are; only ranges that
 * are not all of a prefix are compared with.
 */
export class TopicIndex {
  readonly #memory: FeedMemory;
  readonly #topicBytesMax: number;
  /** By length of the shared prefix, then by prefix. */
  readonly #byLength: Map<number, Map<string, Topic[]>> = new Map();
  #lengths: number[] = [];

  constructor(memory: FeedMemory, topicBytesMax: number) {
    this.#memory = memory;
    this.#topicBytesMax = topicBytesMax;
  }

  get isEmpty(): boolean {
    return this.#lengths.length === 0;
  }

  /** The topic of a range, made where there is none. */
  topicOf(range: ResolvedRange): Topic {
    const prefix = sharedPrefix(range);
    const prefixes = getOrMake(this.#byLength, prefix.length, () => new Map<string, Topic[]>());
    const topics = getOrMake(prefixes, textOf(prefix), (): Topic[] => []);
    this.#lengths = [...this.#byLength.keys()];
    const found = topics.find((topic) => isSame(topic.range, range));
    if (found !== undefined) return found;
    const topic = new Topic(range, isWhole(prefix, range), this.#memory, this.#topicBytesMax);
    topics.push(topic);
    return topic;
  }

  /** Forgets a topic that nobody subscribes to. */
  remove(topic: Topic): void {
    const prefix = sharedPrefix(topic.range);
    const prefixes = this.#byLength.get(prefix.length);
    const name = textOf(prefix);
    const topics = prefixes?.get(name);
    if (prefixes === undefined || topics === undefined || !topics.includes(topic)) return;
    topics.splice(topics.indexOf(topic), 1);
    if (topics.length === 0) prefixes.delete(name);
    if (prefixes.size === 0) this.#byLength.delete(prefix.length);
    this.#lengths = [...this.#byLength.keys()];
  }

  *all(): Generator<Topic> {
    for (const prefixes of this.#byLength.values()) for (const topics of prefixes.values()) yield* topics;
  }

  /** Calls `visit` with every topic whose range has keys in common with `range`: it looks at all of them. */
  matchRange(range: ResolvedRange, visit: (topic: Topic) => void): void {
    for (const topic of this.all()) if (overlap(topic.range, range) !== undefined) visit(topic);
  }

  /** Calls `visit` with every topic whose range holds the key of `length` bytes at byte `start` of `bytes`. */
  match(bytes: Buffer, start: number, length: number, visit: (topic: Topic) => void): void {
    for (const prefixLength of this.#lengths) {
      if (prefixLength > length) continue;
      const topics = this.#byLength.get(prefixLength)!.get((bytes as Latin1).latin1Slice(start, start + prefixLength));
      if (topics === undefined) continue;
      for (const topic of topics) {
        if (topic.isPrefix || holds(topic.range, bytes.subarray(start, start + length))) visit(topic);
      }
    }
  }
}

export function holds({ start, end }: ResolvedRange, key: Uint8Array): boolean {
  return compareBytes(start, key) <= 0 && (end === undefined || compareBytes(key, end) < 0);
}

/** The longest prefix of all keys in the range. */
function sharedPrefix(range: ResolvedRange): Uint8Array {
  const { start, end } = range;
  if (isWhole(start, range)) return start;
  if (end === undefined) return start.subarray(0, 0);
  let length = 0;
  while (length < start.length && length < end.length && start[length] === end[length]) length++;
  return start.subarray(0, length);
}

/** Whether the range is every key with the prefix. */
function isWhole(prefix: Uint8Array, { start, end }: ResolvedRange): boolean {
  if (!equalBytes(prefix, start)) return false;
  const whole = prefixEnd(prefix);
  return whole === undefined ? end === undefined : end !== undefined && equalBytes(whole, end);
}

function isSame(a: ResolvedRange, b: ResolvedRange): boolean {
  if (!equalBytes(a.start, b.start) || (a.end === undefined) !== (b.end === undefined)) return false;
  return a.end === undefined || equalBytes(a.end, b.end!);
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
