import { randomBytes } from "node:crypto";
import { type Entries, equalBytes, type HostedStore, type Key, type Store, type Version } from "@kvts/common";
import { expect } from "vitest";

/** A store under test, in both of its key forms. */
export interface OpenedStore {
  readonly store: Store;
  /** The same store, viewed with `keys: "bytes"`. */
  readonly bytes: Store<Uint8Array>;
  /** The same store with what servers need of it, where the implementation has that. */
  readonly hosted?: HostedStore;
  /** Closes the store, and opens it again on the same data. */
  reopen?(): Promise<OpenedStore>;
  /** Closes the store and frees all that opening took. */
  close(): Promise<void>;
}

/** What the suite may expect beyond the contract that every store keeps. */
export interface Capabilities {
  /** Values and batches of the store's full 64 MiB get through. Otherwise 1 MiB is the largest that is tried. */
  readonly largeValues?: boolean;
  /** Timestamps far ahead of the clock are taken; servers refuse those. */
  readonly farFuture?: boolean;
  /** `OpenedStore.hosted` is there. */
  readonly hosted?: boolean;
  /** `OpenedStore.reopen` is there. */
  readonly reopens?: boolean;
  /** Random histories compared with the reference model; 25 by default. */
  readonly modelRuns?: number;
}

/** What a section of the suite works on. */
export interface Subject extends Capabilities {
  /** One store for all tests that keep to keys of their own, made by {@link uniqueKey}. */
  readonly shared: OpenedStore;
  /** An empty store; dispose of it. */
  fresh(): Promise<OpenedStore & AsyncDisposable>;
}

/** More than one page of any implementation. */
export const manyItems = 3_000;

let keys = 0;

/** A key, or a prefix of keys, that no other test uses. */
export function uniqueKey(): string {
  return `key-${++keys}:`;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a version says, short enough to read in a failed comparison: `a@100=value`, `a@101 deleted`. */
export function shown(version: Version<Key>): string {
  const key = typeof version.key === "string" ? version.key : decoder.decode(version.key);
  if (version.deleted === true) return `${key}@${version.timestamp} deleted`;
  const expiry = version.expiresAt === undefined ? "" : ` until ${version.expiresAt}`;
  return `${key}@${version.timestamp}=${decoder.decode(version.value)}${expiry}`;
}

/** Whether a version is there, and holds exactly these bytes. */
export function holds(version: Version<Key> | undefined, value: Uint8Array): boolean {
  return version !== undefined && version.deleted !== true && equalBytes(version.value, value);
}

/** All of a list, shown. */
export async function listed(entries: Entries<Version<Key>>): Promise<string[]> {
  return (await entries.toArray()).map(shown);
}

/** The value that holds at `asOf`, or the newest, as text; `undefined` when there is none. */
export async function read(store: Store<Key>, key: string, asOf?: number): Promise<string | undefined> {
  return (await store.get(key, { asOf }))?.text();
}

/** Runs a call that must fail, also where it throws before it returns a promise, with a sentence and one of `codes`. */
export async function fails(call: () => Promise<unknown>, ...codes: readonly string[]): Promise<void> {
  const error: unknown = await (async () => call())().then(
    () => new Error("the call was to fail, and did not"),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "KvtsError", message: expect.stringMatching(/^.{15,}$/) });
  expect(codes).toContain((error as { code?: unknown }).code);
}

export function randomKey(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

/** Every order of `items`. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

export async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}
