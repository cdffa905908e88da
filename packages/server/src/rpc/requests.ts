import { type FieldReader, tagOf, unusualMessage } from "@kvts/api";
import type { Condition, Precondition } from "@kvts/common";
import type { ScanRequest, VersionsRequest } from "../service/lists.ts";
import type { GetRequest } from "../service/reads.ts";
import type { ResolvedOperation } from "../service/writes.ts";
import { textIn } from "./numbers.ts";
import { valueIn } from "./operations.ts";

/*
 * The usual requests, read by hand: without conditions, and with fields in any order. Of all others a reader throws
 * `unusualMessage`, and the library of protobuf reads them. Keys and values are views of what was received.
 */

/** What a put asks for, in the server's own terms. */
export interface PutAsked {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly timestamp: number | undefined;
  readonly expiresAt: number | undefined;
  readonly requestId: string | undefined;
  readonly condition: Condition | undefined;
}

export type DeleteAsked = Omit<PutAsked, "value" | "expiresAt">;

export interface WriteAsked {
  readonly operations: readonly ResolvedOperation[];
  readonly preconditions: readonly Precondition[];
  readonly requestId: string | undefined;
}

export type GetAsked = Omit<GetRequest, "signal">;
export type VersionsAsked = Omit<VersionsRequest, "signal">;
export type ScanAsked = Omit<ScanRequest, "signal">;

/** Reads the message up to the end of `reader`. */
export type RequestReader<A> = (reader: FieldReader) => A;

const noBytes: Uint8Array = new Uint8Array();
const noPreconditions: readonly Precondition[] = [];

const bytes1 = tagOf(1, 2);
const bytes2 = tagOf(2, 2);
const bytes4 = tagOf(4, 2);
const bytes5 = tagOf(5, 2);
const bytes3 = tagOf(3, 2);
const bytes7 = tagOf(7, 2);
const bytes8 = tagOf(8, 2);
const number2 = tagOf(2, 0);
const number3 = tagOf(3, 0);
const number4 = tagOf(4, 0);
const number5 = tagOf(5, 0);
const number6 = tagOf(6, 0);

/** PutRequest without its condition: key = 1, value = 2, timestamp = 3, expires_at = 4, request_id = 5. */
export function readPut(reader: FieldReader): PutAsked {
  let key = noBytes;
  let requestId = "";
  let value: Uint8Array | undefined;
  let timestamp: number | undefined;
  let expiresAt: number | undefined;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === bytes1) key = reader.view();
    else if (tag === bytes2) value = reader.view();
    else if (tag === number3) timestamp = reader.number();
    else if (tag === number4) expiresAt = reader.number();
    else if (tag === bytes5) requestId = reader.text();
    else throw unusualMessage;
  }
  reader.checkEnd(reader.end);
  return { key, value: valueIn(value), timestamp, expiresAt, requestId: textIn(requestId), condition: undefined };
}

/** DeleteRequest without its condition: key = 1, timestamp = 2, request_id = 3. */
export function readDelete(reader: FieldReader): DeleteAsked {
  let key = noBytes;
  let requestId = "";
  let timestamp: number | undefined;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === bytes1) key = reader.view();
    else if (tag === number2) timestamp = reader.number();
    else if (tag === bytes3) requestId = reader.text();
    else throw unusualMessage;
  }
  reader.checkEnd(reader.end);
  return { key, timestamp, requestId: textIn(requestId), condition: undefined };
}

/** GetRequest: key = 1, as_of = 2, at_seq = 3, snapshot = 4. */
export function readGet(reader: FieldReader): GetAsked {
  let key = noBytes;
  let snapshot = "";
  let asOf: number | undefined;
  let atSeq: number | undefined;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === bytes1) key = reader.view();
    else if (tag === number2) asOf = reader.number();
    else if (tag === number3) atSeq = reader.number();
    else if (tag === bytes4) snapshot = reader.text();
    else throw unusualMessage;
  }
  reader.checkEnd(reader.end);
  return { key, asOf, atSeq, snapshot: textIn(snapshot) };
}

/** ListVersionsRequest: key = 1, from = 2, to = 3, at_seq = 4, reverse = 5, page_size = 6, page_token = 7, snapshot = 8. */
export function readListVersions(reader: FieldReader): VersionsAsked {
  let key = noBytes;
  let pageToken = "";
  let snapshot = "";
  let from: number | undefined;
  let to: number | undefined;
  let atSeq: number | undefined;
  let reverse = false;
  let pageSize = 0;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === bytes1) key = reader.view();
    else if (tag === number2) from = reader.number();
    else if (tag === number3) to = reader.number();
    else if (tag === number4) atSeq = reader.number();
    else if (tag === number5) reverse = reader.bool();
    else if (tag === number6) pageSize = reader.int32();
    else if (tag === bytes7) pageToken = reader.text();
    else if (tag === bytes8) snapshot = reader.text();
    else throw unusualMessage;
  }
  reader.checkEnd(reader.end);
  return { key, from, to, atSeq, reverse, pageSize, pageToken: textIn(pageToken), snapshot: textIn(snapshot) };
}

/** WriteRequest without preconditions: operations = 1, request_id = 2. */
export function readWrite(reader: FieldReader): WriteAsked {
  const operations: ResolvedOperation[] = [];
  let requestId = "";
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === bytes1) operations.push(readOperation(reader));
    else if (tag === bytes2) requestId = reader.text();
    else throw unusualMessage;
  }
  reader.checkEnd(reader.end);
  return { operations, preconditions: noPreconditions, requestId: textIn(requestId) };
}

/** Operation: put = 1, delete = 2. */
function readOperation(reader: FieldReader): ResolvedOperation {
  const end = reader.messageEnd();
  const tag = reader.tag();
  const kindEnd = reader.messageEnd();
  // Two kinds in one operation, of which the last one counts, are not usual.
  if (kindEnd !== end) throw unusualMessage;
  if (tag === bytes1) return readPutOperation(reader, end);
  if (tag === bytes2) return readDeleteOperation(reader, end);
  throw unusualMessage;
}

/** PutOperation: key = 1, value = 2, timestamp = 3, expires_at = 4. */
function readPutOperation(reader: FieldReader, end: number): ResolvedOperation {
  let key = noBytes;
  let value: Uint8Array | undefined;
  let timestamp: number | undefined;
  let expiresAt: number | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytes1) key = reader.view();
    else if (tag === bytes2) value = reader.view();
    else if (tag === number3) timestamp = reader.number();
    else if (tag === number4) expiresAt = reader.number();
    else throw unusualMessage;
  }
  reader.checkEnd(end);
  // What it lacks is told with the operation's place, by those who read it whole.
  if (value === undefined) throw unusualMessage;
  return { op: "put", key, value, timestamp, expiresAt };
}

/** DeleteOperation: key = 1, timestamp = 2. */
function readDeleteOperation(reader: FieldReader, end: number): ResolvedOperation {
  let key = noBytes;
  let timestamp: number | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytes1) key = reader.view();
    else if (tag === number2) timestamp = reader.number();
    else throw unusualMessage;
  }
  reader.checkEnd(end);
  return { op: "delete", key, timestamp };
}
