import {
  type Change,
  formatSize,
  formatTime,
  type Key,
  type ResolvedRange,
  textOf,
  toBase64,
  utf8,
  type Version,
  type WatchEvent,
} from "@kvts/common";
import { encodeBytes, type KeyEncoding } from "../options/key-encoding.ts";

/** A key on a line for people. */
export function displayKey(key: Key, encoding: KeyEncoding): string {
  const bytes = typeof key === "string" ? utf8(key) : key;
  return encoding === "utf8" ? displayBytes(bytes) : encodeBytes(bytes, encoding);
}

/**
 * Bytes on a line for people: as they are where they are printable text, else as a quoted JSON string, or as base64
 * where they are no text. A terminal never receives control characters out of the store.
 */
export function displayBytes(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text === undefined) return `base64:${toBase64(bytes)}`;
  return unprintable.test(text) ? quote(text) : text;
}

/** Longer values are told by their size: a list is there to be looked over. */
const shownValueBytesMax = 1024;

function displayValue(value: Uint8Array): string {
  return value.length <= shownValueBytesMax ? displayBytes(value) : `(${formatSize(value.length)})`;
}

/** `2023-01-12T11:48:12.000000Z<TAB>value`, the value with its expiry, or `(deleted)`. */
export function displayVersion(version: Version<Key>): string {
  const time = formatTime(version.timestamp);
  if (version.deleted === true) return `${time}\t(deleted)`;
  const expiry = version.expiresAt === undefined ? "" : `\t(expires ${formatTime(version.expiresAt)})`;
  return `${time}\t${displayValue(version.value)}${expiry}`;
}

/**
 * `+ key<TAB>time<TAB>value` for a key that came, `-` for one that went, with what it held; for one that changed `~` and
 * both, with an arrow between.
 */
export function displayChange({ key, kind, before, after }: Change<Key>, encoding: KeyEncoding): string {
  const sides = [before, after].flatMap((entry) => (entry === undefined ? [] : [displayVersion(entry)]));
  return `${changeMarks[kind]} ${displayKey(key, encoding)}\t${sides.join("\t→\t")}`;
}

/**
 * An event as lines: its seq, then `key<TAB>time<TAB>value` for each operation, indented, `(retracted)` for what was
 * taken back, and for a deleted or restored range its first key and that behind its last, with dots between.
 */
export function displayEvent({ seq, items, initial, more }: WatchEvent<Key>, encoding: KeyEncoding): string[] {
  const notes = [initial === true ? ["state"] : [], more === true ? ["more follows"] : []].flat();
  const head = [`#${seq}`, ...(notes.length === 0 ? [] : [`(${notes.join(", ")})`])].join(" ");
  const lines = items.map((item) => {
    if (item.op === "deleteRange")
      return `  ${displayRange(item.range, encoding)}\t${formatTime(item.timestamp)}\t(deleted)`;
    if (item.op === "restored") {
      const moments = `${formatTime(item.timestamp)}\t(restored to ${formatTime(item.to)})`;
      return `  ${displayRange(item.range, encoding)}\t${moments}`;
    }
    const told = item.op === undefined ? displayVersion(item) : `${formatTime(item.timestamp)}\t(retracted)`;
    return `  ${displayKey(item.key, encoding)}\t${told}`;
  });
  return [head, ...lines];
}

function displayRange({ start, end }: ResolvedRange, encoding: KeyEncoding): string {
  const [first, last] = [start.length === 0 ? undefined : start, end];
  const shown = [first, last].map((bound) => (bound === undefined ? "" : displayKey(bound, encoding)));
  return shown.join(" … ").trim();
}

const changeMarks: Readonly<Record<Change["kind"], string>> = { added: "+", changed: "~", removed: "-" };

/** Control characters of every kind, line separators, and marks that reorder what stands around them. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
const unprintables = new RegExp(unprintable, "gu");

function quote(text: string): string {
  return JSON.stringify(text).replace(unprintables, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
