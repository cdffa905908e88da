import { invalidArgument } from "../errors.ts";
import { checkFields } from "../fields.ts";
import { encodeValue } from "../keys.ts";
import { shown } from "../shown.ts";
import type { Change, Entry, FeedItem, Operation, Range, Tombstone, Version, WatchEvent } from "../store.ts";
import { type KeyType, plainKeys } from "./key-type.ts";
import type {
  TypedChange,
  TypedEntry,
  TypedFeedItem,
  TypedOperation,
  TypedRange,
  TypedTombstone,
  TypedVersion,
  TypedViewOptions,
  TypedWatchEvent,
} from "./typed-store.ts";
import type { ValueType } from "./value-type.ts";

const plainValue: ValueType<unknown> = {
  encode: (value) => encodeValue(value as Uint8Array),
  decode: (bytes) => bytes,
};

/** Turns what a typed view is asked and answered into what its store of bytes is. */
export class Typing<K, P, In, Out> {
  readonly keys: KeyType<K, P>;
  readonly value: ValueType<In, Out>;

  constructor(options: TypedViewOptions<K, P, In, Out>) {
    checkFields(options, ["keys", "value"], "a view");
    this.keys = checked(options.keys, "keys", "tuple()") ?? (plainKeys("string") as unknown as KeyType<K, P>);
    this.value = checked(options.value, "value", "json()") ?? (plainValue as unknown as ValueType<In, Out>);
  }

  range(range: TypedRange<K, P> | undefined): Range | undefined {
    if (range === undefined) return undefined;
    checkFields(range, ["prefix", "start", "end"], "a range");
    const { prefix, start, end } = range;
    if (prefix === undefined) return { start: this.#bound(start), end: this.#bound(end) };
    if (start === undefined && end === undefined) return this.keys.prefixRange(prefix);
    throw invalidArgument("a range is a prefix, or start and end; not both");
  }

  operation(operation: TypedOperation<K, In, P>): Operation {
    if (typeof operation !== "object" || operation === null) throw invalidArgument("an operation is an object");
    if (operation.op === "deleteRange") {
      const { op, timestamp, ...range } = operation;
      return { op, ...this.range(range as TypedRange<K, P>), timestamp };
    }
    const key = this.keys.encode(operation.key);
    return operation.op === "put"
      ? { ...operation, key, value: this.value.encode(operation.value) }
      : { ...operation, key };
  }

  entry(entry: Entry<Uint8Array>): TypedEntry<K, Out> {
    const { key, value, timestamp, seq, expiresAt } = entry;
    const typed = { key: this.keys.decode(key), value: this.value.decode(value), timestamp, seq };
    return expiresAt === undefined ? typed : { ...typed, expiresAt };
  }

  version(version: Version<Uint8Array>): TypedVersion<K, Out> {
    return version.deleted === true ? this.#tombstone(version) : this.entry(version);
  }

  change({ key, kind, before, after }: Change<Uint8Array>): TypedChange<K, Out> {
    // Which of the two are there is what `kind` says.
    return {
      key: this.keys.decode(key),
      kind,
      ...(before !== undefined && { before: this.entry(before) }),
      ...(after !== undefined && { after: this.entry(after) }),
    } as TypedChange<K, Out>;
  }

  event(event: WatchEvent<Uint8Array>): TypedWatchEvent<K, Out> {
    return { ...event, items: event.items.map((item) => this.#feedItem(item)) };
  }

  #feedItem(item: FeedItem<Uint8Array>): TypedFeedItem<K, Out> {
    if (item.op === undefined) return this.version(item);
    // Bounds need not be keys of the type.
    return item.op === "deleteRange" || item.op === "restored" ? item : { ...item, key: this.keys.decode(item.key) };
  }

  #tombstone({ key, timestamp, seq }: Tombstone<Uint8Array>): TypedTombstone<K> {
    return { key: this.keys.decode(key), timestamp, seq, deleted: true };
  }

  #bound(bound: P | K | undefined): Uint8Array | undefined {
    return bound === undefined ? undefined : this.keys.encodeBound(bound);
  }
}

function checked<T extends { encode: unknown; decode: unknown }>(
  type: T | undefined,
  name: string,
  example: string,
): T | undefined {
  if (type === undefined) return undefined;
  if (typeof type?.encode === "function" && typeof type.decode === "function") return type;
  throw invalidArgument(`${name} of a view is a type such as ${example}, not ${shown(type)}`);
}
