import type { Entries, Range, Version } from "@kvts/common";
import type { ByteStore } from "../target/use-store.ts";
import { resumingHistory, resumingKeys } from "./resuming.ts";

type ByteVersion = Version<Uint8Array>;

/** Bytes of keys and values that are to be in memory at a time, about. */
const bytesInMemory = 8 * 1024 * 1024;
/** Most keys whose histories are read at a time: enough to hide the way to a server and back. */
const keysAheadMax = 64;
const versionsAtATimeMax = 256;

/**
 * Every version of every key of a range, tombstones and expired values included: keys in byte order, the versions of
 * each oldest first. Histories are read ahead, fewer the larger they are.
 * @returns the versions in pieces
 */
export async function* allVersions(store: ByteStore, range: Range, signal: AbortSignal): AsyncGenerator<ByteVersion[]> {
  const pace = new Pace();
  await using keys = resumingKeys(store, range, { signal });
  const ahead: OpenHistory[] = [];
  try {
    for (let more = true; more || ahead.length > 0; ) {
      while (more && ahead.length < pace.keysAhead) {
        const [visible] = await keys.nextv(1);
        if (visible === undefined) more = false;
        else ahead.push(openHistory(store, visible, pace, signal));
      }
      const history = ahead[0];
      if (history === undefined) return;
      for (let piece = await history.first; piece.length > 0; piece = await history.rest.nextv(pace.versionsAtATime)) {
        pace.observe(piece);
        yield piece;
      }
      ahead.shift();
    }
  } finally {
    await Promise.all(ahead.map(({ rest }) => rest.close()));
  }
}

/** For each key of a range the version that held at `asOf`; keys that held nothing are left out. */
export async function* visibleVersions(
  store: ByteStore,
  range: Range,
  asOf: number,
  signal: AbortSignal,
): AsyncGenerator<ByteVersion[]> {
  const pace = new Pace();
  await using entries = store.scan(range, { asOf, signal });
  for (;;) {
    const piece = await entries.nextv(pace.versionsAtATime);
    if (piece.length === 0) return;
    pace.observe(piece);
    yield piece;
  }
}

interface OpenHistory {
  readonly first: Promise<ByteVersion[]>;
  readonly rest: Entries<ByteVersion>;
}

function openHistory(store: ByteStore, visible: ByteVersion, pace: Pace, signal: AbortSignal): OpenHistory {
  pace.observe([visible]);
  const rest = resumingHistory(store, visible.key, { signal });
  const first = rest.nextv(pace.versionsAtATime);
  // It is awaited when its turn comes; until then its failure is nobody's.
  first.catch(() => {});
  return { first, rest };
}

/** How much is read at a time, by the sizes of what was read before. */
class Pace {
  #pieceBytesMax = 1;
  #versionBytesMax = 1;

  observe(versions: readonly ByteVersion[]): void {
    let pieceBytes = 0;
    for (const version of versions) {
      const bytes = version.key.length + (version.deleted === true ? 0 : version.value.length);
      pieceBytes += bytes;
      this.#versionBytesMax = Math.max(this.#versionBytesMax, bytes);
    }
    this.#pieceBytesMax = Math.max(this.#pieceBytesMax, pieceBytes);
  }

  get keysAhead(): number {
    return clamp(bytesInMemory / this.#pieceBytesMax, keysAheadMax);
  }

  get versionsAtATime(): number {
    return clamp(bytesInMemory / this.#versionBytesMax, versionsAtATimeMax);
  }
}

function clamp(count: number, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(count)));
}
