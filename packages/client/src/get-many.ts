import { isKvtsError, KvtsError, limits } from "@kvts/common";
import type { BatchGetRequest, WirePage, WireVersion } from "./wire.ts";

/** Most key bytes in one request, so that no server finds it too large. */
const requestKeyBytesMax = 1024 * 1024;

/** How often a read whose seq was compacted away between two requests begins anew. */
const restartsMax = 3;

type Fetch = (request: BatchGetRequest) => Promise<WirePage<WireVersion | undefined>>;

/** What is the same for all keys of a read. */
export interface GetManyView {
  readonly asOf: number | undefined;
  /** Has a seq of its own. */
  readonly snapshot: string | undefined;
}

/** Reads any number of keys at one seq: the first answer names it, all further requests ask for it. */
export async function getMany(
  keys: readonly Uint8Array[],
  view: GetManyView,
  fetch: Fetch,
): Promise<(WireVersion | undefined)[]> {
  const chunks = [...chunksOf(keys)];
  for (let restarts = 0; ; restarts++) {
    try {
      return await getChunks(chunks, view, fetch);
    } catch (error) {
      // Nothing of a read has been given out yet, so a newer seq serves as well.
      if (!isKvtsError(error, "CURSOR_EXPIRED") || restarts === restartsMax) throw error;
    }
  }
}

async function getChunks(
  chunks: readonly (readonly Uint8Array[])[],
  view: GetManyView,
  fetch: Fetch,
): Promise<(WireVersion | undefined)[]> {
  const found: (WireVersion | undefined)[] = [];
  let atSeq: number | undefined;
  for (const keys of chunks) {
    const end = found.length + keys.length;
    let pageToken = "";
    while (found.length < end) {
      const page = await fetch({ keys, ...view, atSeq, pageSize: limits.pageItemsMax, pageToken });
      for (const item of page.items) found.push(item);
      checkProgress(found.length, end, page);
      // The pages of one chunk must repeat its arguments, so the seq is named from the next chunk on.
      pageToken = page.nextPageToken;
      if (pageToken === "" && view.snapshot === undefined) atSeq ??= page.seq;
    }
  }
  return found;
}

/** Short only where a page token says that more is to come. */
function checkProgress(length: number, end: number, page: WirePage<unknown>): void {
  const more = page.nextPageToken !== "";
  if (length < end ? more && page.items.length > 0 : length === end && !more) return;
  throw new KvtsError(
    "INTERNAL",
    "the server did not answer each of the keys once; it may be of another version than this client",
  );
}

function* chunksOf(keys: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let chunk: Uint8Array[] = [];
  let bytes = 0;
  for (const key of keys) {
    if (chunk.length === limits.pageItemsMax || (chunk.length > 0 && bytes + key.length > requestKeyBytesMax)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(key);
    bytes += key.length;
  }
  if (chunk.length > 0) yield chunk;
}
