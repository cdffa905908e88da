import { otherContent, type WriteResult } from "@kvts/common";
import type { CommitGroup } from "../commit/commit-group.ts";
import { crc32 } from "../format/checksum.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import { joinWords } from "../format/version-record.ts";
import type { Frame } from "../wal/frame.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import type { RequestRecord } from "./request-record.ts";
import { RequestTable } from "./request-table.ts";

/** How long an id and its answer are kept, in microseconds: ten minutes. */
export const REQUEST_WINDOW = 600_000_000;

const ID = new KeyBuffer();

/** A write with a request id that is not published yet. */
export interface UnpublishedRequest extends RequestRecord {
  readonly id: string;
  readonly group: CommitGroup;
}

/** A write that has been taken before, and where it stands. */
export interface KnownRequest extends WriteResult {
  /** Not settled yet; undefined once it is published. */
  readonly group: CommitGroup | undefined;
}

/**
 * The request ids of the last ten minutes, and what their writes answered. Those of published writes are kept as flat
 * records, which files hold for as long as the log does not; those under way belong to their commit groups.
 */
export class Requests {
  readonly table: RequestTable;
  readonly #unpublished: Map<string, UnpublishedRequest> = new Map();

  constructor(countMax: number) {
    this.table = new RequestTable(countMax);
  }

  /**
   * The write that `id` has named before.
   * @param now microseconds
   * @throws INVALID_ARGUMENT where its content was another
   */
  find(id: string, fingerprintHigh: number, fingerprintLow: number, now: number): KnownRequest | undefined {
    const unpublished = this.#unpublished.get(id);
    const found = unpublished ?? this.#published(id, now);
    if (found === undefined) return undefined;
    if (found.fingerprintHigh !== fingerprintHigh || found.fingerprintLow !== fingerprintLow) throw otherContent(id);
    return { timestamp: found.timestamp, seq: found.seq, group: unpublished?.group };
  }

  /** Takes up a write that has just been encoded into `group`. */
  add(id: string, group: CommitGroup, answer: WriteResult, moment: number): void {
    const { fingerprintHi, fingerprintLo } = group.encoder;
    const { timestamp, seq } = answer;
    const fingerprint = { fingerprintHigh: fingerprintHi, fingerprintLow: fingerprintLo };
    const request = { id, group, ...hashId(id), ...fingerprint, timestamp, seq, moment };
    this.#unpublished.set(id, request);
    group.requests.push(request);
  }

  /** The group's writes have happened. */
  published(group: CommitGroup): void {
    const { requests } = group;
    if (requests.length === 0) return;
    this.table.forgetBefore(requests[0]!.moment - REQUEST_WINDOW);
    for (const request of requests) {
      this.#unpublished.delete(request.id);
      this.table.add(request);
    }
  }

  /** The group's writes have not happened, or nobody knows: the store then has to be reopened. */
  failed(group: CommitGroup): void {
    for (const { id } of group.requests) this.#unpublished.delete(id);
  }

  /** Takes up what a log's frame tells, unless a file has told it already. */
  replay(frame: Frame): void {
    const cursor = new OperationCursor().open(frame);
    while (cursor.next()) {
      if (!cursor.endsBatch || cursor.requestLength === 0 || cursor.answerWord === 0) continue;
      const record = replayed(cursor);
      const { end, first } = this.table;
      if (end === first || this.table.seqOf(end - 1) < record.seq) this.table.add(record);
    }
  }

  #published(id: string, now: number): RequestRecord | undefined {
    const { idHigh, idLow } = hashId(id);
    const found = this.table.find(idHigh, idLow);
    return found === undefined || found.moment < now - REQUEST_WINDOW ? undefined : found;
  }
}

function replayed(cursor: OperationCursor): RequestRecord {
  const { i32, answerWord, momentWord, requestStart, requestLength, seqHi, seqLo } = cursor;
  return {
    ...hashIdBytes(cursor.u8.subarray(requestStart, requestStart + requestLength)),
    fingerprintHigh: i32[answerWord]!,
    fingerprintLow: i32[answerWord + 1]!,
    timestamp: joinWords(i32[answerWord + 2]!, i32[answerWord + 3]!),
    seq: joinWords(seqHi, seqLo),
    moment: momentWord === 0 ? 0 : joinWords(i32[momentWord]!, i32[momentWord + 1]!),
  };
}

function hashId(id: string): Pick<RequestRecord, "idHigh" | "idLow"> {
  ID.set(id);
  return hashes();
}

function hashIdBytes(id: Uint8Array): Pick<RequestRecord, "idHigh" | "idLow"> {
  ID.setBytes(id);
  return hashes();
}

/** Of two kinds, so that they do not agree by accident. */
function hashes(): Pick<RequestRecord, "idHigh" | "idLow"> {
  return { idHigh: ID.hash, idLow: crc32(ID.u8.subarray(0, ID.length)) | 0 };
}
