import {
  bytesFieldBytes,
  numberFieldBytes,
  type PlainVersion,
  putFieldHead,
  putNumberField,
  putTextField,
  putVersionField,
  textFieldBytes,
  versionFieldBytes,
} from "@kvts/api";
import type { WriteResult } from "@kvts/common";
import type { StoredEntry } from "../service/lists.ts";
import type { Page } from "../service/page.ts";

/*
 * The answers that nearly all calls get, as messages of protobuf. They are written straight from the store's own objects,
 * without messages and bigints in between. Fields and their numbers are those of kvts/v1/kv.proto and types.proto; tests
 * compare each with what protobuf's library reads.
 */

/** How an answer of one kind is written. */
export interface AnswerWriter<R> {
  /** How many bytes its message takes. */
  bytes(result: R): number;
  /** Puts the message into a buffer that has them; answers with the place behind it. */
  put(target: Uint8Array, at: number, result: R): number;
}

/** Its flag, 0 for no compression, and the length of the message that follows. */
export const envelopeHeadBytes = 5;

/** A buffer for a message of so many bytes, behind the head of its envelope, which is there already. */
export function emptyEnvelope(messageBytes: number): Buffer {
  const framed = Buffer.allocUnsafe(envelopeHeadBytes + messageBytes);
  framed[0] = 0;
  framed.writeUInt32BE(messageBytes, 1);
  return framed;
}

/** A message in its envelope. */
export function envelope(message: Uint8Array): Buffer {
  const framed = emptyEnvelope(message.length);
  framed.set(message, envelopeHeadBytes);
  return framed;
}

/** An answer in its envelope. */
export function enveloped<R>(writer: AnswerWriter<R>, result: R, bytes: number = writer.bytes(result)): Buffer {
  const framed = emptyEnvelope(bytes);
  writer.put(framed, envelopeHeadBytes, result);
  return framed;
}

/** PutResponse, DeleteResponse and WriteResponse: timestamp = 1, seq = 2. */
export const writtenAnswer: AnswerWriter<WriteResult> = {
  bytes: ({ timestamp, seq }) => numberFieldBytes(timestamp) + numberFieldBytes(seq),
  put: (target, at, { timestamp, seq }) => putNumberField(target, putNumberField(target, at, 1, timestamp), 2, seq),
};

/** GetResponse: version = 1. */
export const entryAnswer: AnswerWriter<StoredEntry | undefined> = {
  bytes: (entry) => (entry === undefined ? 0 : versionFieldBytes(entry)),
  put: (target, at, entry) => (entry === undefined ? at : putVersionField(target, at, 1, entry)),
};

/** ListVersionsResponse and ScanResponse: versions = 1, next_page_token = 2, seq = 3. */
export const versionsAnswer: AnswerWriter<Page<PlainVersion>> = pageAnswer({
  bytes: versionFieldBytes,
  put: (target, at, version) => putVersionField(target, at, 1, version),
});

/** BatchGetResponse: items = 1, each with its version = 1; next_page_token = 2, seq = 3. */
export const batchGetAnswer: AnswerWriter<Page<StoredEntry | undefined>> = pageAnswer({
  bytes: (entry) => bytesFieldBytes(entryAnswer.bytes(entry)),
  put: (target, at, entry) => entryAnswer.put(target, putFieldHead(target, at, 1, entryAnswer.bytes(entry)), entry),
});

function pageAnswer<I>(item: AnswerWriter<I>): AnswerWriter<Page<I>> {
  return {
    bytes({ items, nextPageToken = "", seq }) {
      let bytes = textFieldBytes(nextPageToken) + numberFieldBytes(seq);
      for (const each of items) bytes += item.bytes(each);
      return bytes;
    },
    put(target, start, { items, nextPageToken = "", seq }) {
      let at = start;
      for (const each of items) at = item.put(target, at, each);
      return putNumberField(target, putTextField(target, at, 2, nextPageToken), 3, seq);
    },
  };
}
