import type { Range, Store, Version } from "@kvts/common";
import type { Ledger } from "./ledger.ts";
import { assignsTimestamps, batchOf, type PlannedOperation, writerOf } from "./plan.ts";

/** Problems after which a check stops looking for more. */
const PROBLEMS_MAX = 20;
/** Keys asked for at once. */
const PARALLEL = 32;

/** What a check has shown. */
export interface Checked {
  readonly problems: string[];
  /** Batches that were in flight, and are there, or not. */
  readonly found: number;
  readonly absent: number;
}

/**
 * Reads again whatever was acknowledged since the last check, and finds out about the batches that were in flight: each
 * must be there whole or not at all. Brings the ledger up to date. Returns what is wrong.
 */
export async function checkRecent(store: Store, ledger: Ledger): Promise<Checked> {
  const problems: string[] = [];
  let found = 0;
  let absent = 0;
  for (const [writer, state] of ledger.states.entries()) {
    const end = state.inFlight ? state.written + 1 : state.written;
    const recent = versionsByKey(ledger, writer, state.checked, end);
    const counts = await countFound(store, ledger, writer, recent, problems);
    if (problems.length >= PROBLEMS_MAX) break;
    if (state.inFlight) {
      state.inFlight = false;
      const number = state.written;
      const planned = batchOf(ledger, writer, number).length;
      const missing = counts.get(number) ?? 0;
      counts.delete(number);
      if (missing === 0) {
        state.written++;
        found++;
      } else absent++;
      if (missing > 0 && missing < planned) {
        problems.push(`batch ${number} of writer ${writer} is there in part: ${missing} of ${planned} are missing`);
      }
    }
    for (const [number, missing] of counts) {
      problems.push(
        `batch ${number} of writer ${writer} was acknowledged, and ${missing} of its operations are not there`,
      );
    }
    state.checked = state.written;
  }
  return { problems: problems.slice(0, PROBLEMS_MAX), found, absent };
}

/**
 * Reads everything, and holds every version of every key against what was written. Returns what is wrong.
 * @param range in which nobody but the ledger's writers may have written
 */
export async function checkEverything(
  store: Store,
  ledger: Ledger,
  range: Range = {},
): Promise<{ problems: string[]; versions: number }> {
  const problems: string[] = [];
  let versions = 0;
  for (const [writer, { written }] of ledger.states.entries()) {
    for (const [key, planned] of versionsByKey(ledger, writer, 0, written)) {
      const expected = newestFirst(ledger, writer, planned);
      const found = await store.history(key).toArray();
      versions += found.length;
      const wrong = historyDifference(found, expected);
      if (wrong !== undefined) problems.push(`${key}: ${wrong}`);
      if (problems.length >= PROBLEMS_MAX) return { problems, versions };
    }
  }
  for await (const { key } of store.scan(range, { includeDeleted: true })) {
    const { written } = ledger.states[writerOf(key)] ?? { written: 0 };
    if (written === 0) problems.push(`nobody wrote ${key}`);
    if (problems.length >= PROBLEMS_MAX) break;
  }
  return { problems, versions };
}

/** An operation of a writer: its batch and its place there. */
interface Place {
  readonly number: number;
  readonly at: number;
}

/** The operations of the batches from `first` to below `end`, by key, oldest first. Only their places are kept. */
function versionsByKey(ledger: Ledger, writer: number, first: number, end: number): Map<string, Place[]> {
  const byKey = new Map<string, Place[]>();
  for (let number = first; number < end; number++) {
    for (const [at, { key }] of batchOf(ledger, writer, number).entries()) {
      const places = byKey.get(key);
      if (places === undefined) byKey.set(key, [{ number, at }]);
      else places.push({ number, at });
    }
  }
  return byKey;
}

function operationAt(ledger: Ledger, writer: number, { number, at }: Place): PlannedOperation {
  return batchOf(ledger, writer, number)[at]!;
}

function newestFirst(ledger: Ledger, writer: number, places: readonly Place[]): PlannedOperation[] {
  const operations = places.map((place) => operationAt(ledger, writer, place));
  if (assignsTimestamps(writer)) return operations.reverse();
  return operations.sort((a, b) => b.timestamp! - a.timestamp!);
}

/** Looks for the versions of some batches; counts for each batch how many are missing. */
async function countFound(
  store: Store,
  ledger: Ledger,
  writer: number,
  recent: ReadonlyMap<string, readonly Place[]>,
  problems: string[],
): Promise<Map<number, number>> {
  const missing = new Map<number, number>();
  const keys = [...recent];
  const state = ledger.states[writer]!;
  let newest = state.newest;
  const saw = (timestamp: number): void => {
    newest = Math.max(newest, timestamp);
  };
  const look = async (): Promise<void> => {
    for (let next = keys.pop(); next !== undefined; next = keys.pop()) {
      const [key, places] = next;
      const absent = assignsTimestamps(writer)
        ? await absentSince(store, ledger, writer, key, places, saw)
        : await absentAt(store, ledger, writer, key, places, problems);
      for (const { number } of absent) missing.set(number, (missing.get(number) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, look));
  state.newest = newest;
  return missing;
}

/**
 * Of the versions that were written since the last check, in order, which are not there. What is older does not count:
 * one delete of a key looks like the other.
 */
async function absentSince(
  store: Store,
  ledger: Ledger,
  writer: number,
  key: string,
  places: readonly Place[],
  saw: (timestamp: number) => void,
): Promise<Place[]> {
  const from = ledger.states[writer]!.newest + 1;
  const found = await store.history(key, { from, reverse: true }).toArray();
  for (const { timestamp } of found) saw(timestamp);
  const isThere = (part: readonly Place[]): boolean =>
    found.length === part.length && part.every((place, i) => isVersion(found[i], operationAt(ledger, writer, place)));
  if (isThere(places)) return [];
  // The last may have been in flight.
  const without = places.slice(0, -1);
  return isThere(without) ? places.slice(-1) : [...places];
}

async function absentAt(
  store: Store,
  ledger: Ledger,
  writer: number,
  key: string,
  places: readonly Place[],
  problems: string[],
): Promise<Place[]> {
  const absent: Place[] = [];
  for (const place of places) {
    const operation = operationAt(ledger, writer, place);
    const at = operation.timestamp!;
    const [version] = await store.history(key, { from: at, to: at }).toArray();
    if (version === undefined) absent.push(place);
    else if (!isVersion(version, operation)) problems.push(`${key} at ${at} is not what batch ${place.number} wrote`);
  }
  return absent;
}

function historyDifference(found: readonly Version[], expected: readonly PlannedOperation[]): string | undefined {
  if (found.length !== expected.length) return `${found.length} versions instead of ${expected.length}`;
  const wrong = found.findIndex((version, i) => !isVersion(version, expected[i]!));
  return wrong < 0 ? undefined : `version ${wrong} from the newest, at ${found[wrong]!.timestamp}, is another`;
}

function isVersion(version: Version | undefined, { value, timestamp }: PlannedOperation): boolean {
  if (version === undefined) return false;
  if (timestamp !== undefined && version.timestamp !== timestamp) return false;
  return (version.deleted ? undefined : version.text()) === value;
}
