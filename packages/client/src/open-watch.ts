import {
  callSignal,
  checkWatchOptions,
  decodeKey,
  type Entries,
  type FeedItem,
  type KeyOf,
  makeEntries,
  makeEntry,
  makeTombstone,
  type Range,
  resolveRange,
  type WatchEvent,
  type WatchOptions,
} from "@kvts/common";
import type { Remote } from "./remote.ts";
import { RemoteWatch } from "./remote-watch.ts";
import type { WireEvent, WireFeedItem } from "./wire.ts";

/** A watch of the store at the other end. What is wrong with its arguments is told by the first event. */
export function openWatch<F extends "string" | "bytes">(
  remote: Remote,
  form: F,
  range: Range | undefined,
  options: WatchOptions | undefined,
): Entries<WatchEvent<KeyOf<F>>> {
  try {
    const { progress, ...asked } = checkWatchOptions(options);
    const { wire, settings, runtime, watches } = remote;
    const signal = callSignal(options);
    const watch = new RemoteWatch({
      wire,
      settings,
      runtime,
      request: { range: resolveRange(range), ...asked },
      tellsProgress: progress,
      signal,
      ended: () => void watches.delete(watch),
    });
    watches.add(watch);
    return makeEntries<WatchEvent<KeyOf<F>>>(
      {
        pull: async () => (await watch.pull()).map((event) => eventOf(event, form)),
        interrupt: () => watch.interrupt(),
        close: () => watch.close(),
      },
      signal,
    );
  } catch (error) {
    return makeEntries<WatchEvent<KeyOf<F>>>({ pull: () => Promise.reject(error) });
  }
}

function eventOf<F extends "string" | "bytes">(event: WireEvent, form: F): WatchEvent<KeyOf<F>> {
  const { seq, items, initial, more } = event;
  return {
    seq,
    items: items.map((item) => itemOf(item, form)),
    ...(initial && { initial }),
    ...(more && { more }),
  };
}

function itemOf<F extends "string" | "bytes">(item: WireFeedItem, form: F): FeedItem<KeyOf<F>> {
  const { timestamp, seq } = item;
  if (item.op === "deleteRange" || item.op === "restored") return item;
  const key = decodeKey(item.key, form);
  if (item.op === "retract") return { op: "retract", key, timestamp, seq };
  if (item.value === undefined) return makeTombstone(key, timestamp, seq);
  return makeEntry({ key, value: item.value, timestamp, seq, expiresAt: item.expiresAt });
}
