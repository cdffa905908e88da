import type { FileReading, ReadableFile } from "../env/file-system.ts";
import { corruption } from "../format/corruption.ts";
import { logFileName } from "../format/filenames.ts";
import {
  FRAME_ALIGNMENT,
  FRAME_DURABLE_OFFSET,
  FRAME_DURABLE_SEGMENT,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_WORDS,
  FRAME_OPERATIONS,
  frameSeed,
  LOG_START,
  type LogPosition,
  SEGMENT_HEADER_BYTES,
} from "./format.ts";
import { type Frame, firstSeqAt, isFrameHeader, isPayloadWhole, payloadBytesAt } from "./frame.ts";
import { decodeSegmentHeader, type SegmentOrigin } from "./segment-header.ts";

/** Bytes read at a time; a larger frame is read whole. */
const WINDOW_BYTES = 1024 * 1024;

/** What a segment's frame headers tell. */
export interface SegmentSurvey {
  readonly headers: number;
  /** The greatest position that any says was on disk; {@link LOG_START} where there is none. */
  readonly mark: LogPosition;
  /** The greatest seq that any frame has, or claims to have. */
  readonly lastSeq: number;
}

/**
 * Reads one segment through a window on it. Once {@link next} has said true it is itself the frame that was read, lent
 * until the next call.
 */
export class SegmentReader implements Frame {
  readonly number: number;
  readonly file: string;
  /** Where the log ended before this segment; undefined where its header is not whole. Known after {@link readHeader}. */
  previous: SegmentOrigin | undefined;
  /** Where the next frame would stand. */
  offset: number = SEGMENT_HEADER_BYTES;
  i32: Int32Array<ArrayBuffer> = new Int32Array(0);
  u8: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  firstWord = 0;
  endWord = 0;
  operationCount = 0;
  firstSeq = 0;
  payloadOffset = 0;
  readonly #source: ReadableFile;
  readonly #incarnation: string;
  readonly #seed: number;
  /** What part of the file the window holds. */
  #windowStart = 0;
  #windowEnd = 0;

  private constructor(source: ReadableFile, number: number, incarnation: string) {
    this.#source = source;
    this.number = number;
    this.file = source.path;
    this.#incarnation = incarnation;
    this.#seed = frameSeed(incarnation);
  }

  static open(fileSystem: FileReading, directory: string, number: number, incarnation: string): SegmentReader {
    return new SegmentReader(fileSystem.open(logFileName(directory, number)), number, incarnation);
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#source.size;
  }

  close(): void {
    this.#source.close();
  }

  /** @throws CORRUPTION where the header is whole and cannot be this segment's; UNIMPLEMENTED for a newer format */
  readHeader(): void {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const length = this.#source.readSync(bytes, 0, bytes.length, 0);
    const previous = decodeSegmentHeader(bytes.subarray(0, length), this.number, this.#incarnation, this.file);
    if (previous !== undefined && previous.segment >= this.number) {
      throw corruption(this.file, 0, "it claims to follow a later log");
    }
    this.previous = previous;
  }

  /** Reads the frame at {@link offset}, up to `limit`, and passes it; false, and stays there, where none is whole. */
  async next(limit: number): Promise<boolean> {
    const { offset } = this;
    const end = Math.min(limit, this.size);
    if (end - offset < FRAME_HEADER_BYTES) return false;
    if (!this.#holds(offset, FRAME_HEADER_BYTES)) await this.#load(offset, FRAME_HEADER_BYTES);
    let word = (offset - this.#windowStart) / 4;
    if (!isFrameHeader(this.i32, this.u8, word, this.number, this.#seed)) return false;
    const payloadBytes = payloadBytesAt(this.i32, word);
    const frameBytes = FRAME_HEADER_BYTES + payloadBytes;
    if (frameBytes > end - offset) return false;
    if (!this.#holds(offset, frameBytes)) {
      await this.#load(offset, frameBytes);
      word = (offset - this.#windowStart) / 4;
    }
    if (!isPayloadWhole(this.i32, this.u8, word)) return false;
    this.firstWord = word + FRAME_HEADER_WORDS;
    this.endWord = this.firstWord + payloadBytes / 4;
    this.operationCount = this.i32[word + FRAME_OPERATIONS]! >>> 0;
    this.firstSeq = firstSeqAt(this.i32, word);
    this.payloadOffset = offset + FRAME_HEADER_BYTES;
    this.offset = offset + frameBytes;
    return true;
  }

  /**
   * What the frame headers from `from` on tell, whether or not their frames are whole. Looks at every place where a header
   * could stand, for what lies behind damage cannot be found otherwise.
   */
  async survey(from: number): Promise<SegmentSurvey> {
    let headers = 0;
    let mark = LOG_START;
    let lastSeq = 0;
    await this.#eachHeader(from, (word) => {
      headers++;
      const durable = {
        segment: this.i32[word + FRAME_DURABLE_SEGMENT]! >>> 0,
        offset: this.i32[word + FRAME_DURABLE_OFFSET]! >>> 0,
      };
      if (isAfter(durable, mark)) mark = durable;
      lastSeq = Math.max(lastSeq, firstSeqAt(this.i32, word) + (this.i32[word + FRAME_OPERATIONS]! >>> 0) - 1);
      return true;
    });
    return { headers, mark, lastSeq };
  }

  /** Where the frame at {@link offset} ends by its header's account, whole or not; undefined where no header stands there. */
  async claimedEnd(): Promise<number | undefined> {
    if (this.size - this.offset < FRAME_HEADER_BYTES) return undefined;
    await this.#load(this.offset, FRAME_HEADER_BYTES);
    if (!isFrameHeader(this.i32, this.u8, 0, this.number, this.#seed)) return undefined;
    return this.offset + FRAME_HEADER_BYTES + payloadBytesAt(this.i32, 0);
  }

  /** Moves {@link offset} to the first frame header at `from` or behind; false, and stays, where there is none. */
  async seekHeader(from: number): Promise<boolean> {
    let found: number | undefined;
    await this.#eachHeader(from, (_word, offset) => {
      found = offset;
      return false;
    });
    if (found === undefined) return false;
    this.offset = found;
    return true;
  }

  /** Calls `visit` with each header's word in the window, and its offset in the file, until it says false. */
  async #eachHeader(from: number, visit: (word: number, offset: number) => boolean): Promise<void> {
    for (let at = alignUp(from); at + FRAME_HEADER_BYTES <= this.size; ) {
      await this.#load(at, FRAME_HEADER_BYTES);
      const end = (this.#windowEnd - this.#windowStart - FRAME_HEADER_BYTES) / 4;
      let word = 0;
      for (; word <= end; word += FRAME_ALIGNMENT / 4) {
        if (!isFrameHeader(this.i32, this.u8, word, this.number, this.#seed)) continue;
        if (!visit(word, at + word * 4)) return;
      }
      at += word * 4;
    }
  }

  #holds(offset: number, bytes: number): boolean {
    return offset >= this.#windowStart && offset + bytes <= this.#windowEnd;
  }

  /** Moves the window to `offset`, at least so large; the file has that much. */
  async #load(offset: number, bytes: number): Promise<void> {
    if (this.u8.length < bytes || this.u8.length === 0) {
      this.i32 = new Int32Array(Math.max(Math.min(WINDOW_BYTES, alignUp(this.size)), bytes) / 4);
      this.u8 = new Uint8Array(this.i32.buffer);
    }
    this.#windowStart = offset;
    this.#windowEnd = offset;
    const read = await this.#source.read(this.u8, 0, this.u8.length, offset);
    if (read < bytes) throw corruption(this.file, offset + read, "it became shorter while it was read");
    this.#windowEnd = offset + read;
  }
}

export function isAfter(a: LogPosition, b: LogPosition): boolean {
  return a.segment > b.segment || (a.segment === b.segment && a.offset > b.offset);
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}
