import type { PipelineAnswer } from "@kvts/api";
import {
  bytesFieldBytes,
  type FieldReader,
  numberFieldBytes,
  optionalFieldBytes,
  putBytesField,
  putFieldHead,
  putNumberField,
  putOptionalField,
  readVersion,
  tagOf,
  unusualMessage,
} from "@kvts/api";
import type {
  CheckedCondition,
  EncodedKeyOperation,
  EncodedOperation,
  EncodedRangeOperation,
  ResolvedRange,
  WriteResult,
} from "@kvts/common";
import { brokenAnswer } from "../failures.ts";
import type {
  BatchWrite,
  GetRequest,
  ListVersionsRequest,
  ScanRequest,
  SingleWrite,
  WirePage,
  WireVersion,
} from "../wire.ts";
import { fromPage, fromResult, fromVersion } from "./messages.ts";

/*
 * The messages of the calls that travel together, written and read by hand: as messages of the library, with a bigint for
 * each number, they would be most of what such a call costs. Fields and their numbers are those of kvts/v1/kv.proto.
 */

/** What became of a call, as the library reads it. */
export type PipelinedOutcome = Exclude<PipelineAnswer["outcome"], { case: "error" | undefined }>;

type Case = PipelinedOutcome["case"];
type OutcomeOf<C extends Case> = Extract<PipelinedOutcome, { case: C }>["value"];

/** A method whose calls may travel in a pipeline. */
export interface PipelinedMethod<Q, A> {
  /** Its fields in PipelineCall and PipelineAnswer. */
  readonly requestField: number;
  readonly answerField: number;
  /** How many bytes the request's message takes. */
  bytes(request: Q): number;
  /** Puts it into a buffer that has them; answers with the place behind it. */
  put(target: Buffer, at: number, request: Q): number;
  /** The usual answers. @throws unusualMessage for others */
  read(reader: FieldReader, end: number): A;
  /** Any answer, as the library has read it. @throws WireFailure for one to another method */
  from(outcome: PipelinedOutcome): A;
}

function messageOf<C extends Case>(outcome: PipelinedOutcome, wanted: C): OutcomeOf<C> {
  if (outcome.case !== wanted) throw brokenAnswer(`a ${wanted} was answered as a ${outcome.case}`);
  return outcome.value as OutcomeOf<C>;
}

const version1 = tagOf(1, 2);
const token2 = tagOf(2, 2);
const number1 = tagOf(1, 0);
const number2 = tagOf(2, 0);
const number3 = tagOf(3, 0);

/** PutResponse, DeleteResponse and WriteResponse: timestamp = 1, seq = 2. */
function readResult(reader: FieldReader, end: number): WriteResult {
  let [timestamp, seq] = [0, 0];
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === number1) timestamp = reader.number();
    else if (tag === number2) seq = reader.number();
    else throw unusualMessage;
  }
  reader.checkEnd(end);
  return { timestamp, seq };
}

/** ListVersionsResponse and ScanResponse: versions = 1, next_page_token = 2, seq = 3. */
function readPage(reader: FieldReader, end: number): WirePage<WireVersion> {
  const items: WireVersion[] = [];
  let [nextPageToken, seq] = ["", 0];
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === version1) items.push(readVersion(reader, reader.messageEnd()));
    else if (tag === token2) nextPageToken = reader.text();
    else if (tag === number3) seq = reader.number();
    else throw unusualMessage;
  }
  reader.checkEnd(end);
  return { items, nextPageToken, seq };
}

/** PutRequest: key = 1, value = 2, timestamp = 3, expires_at = 4, request_id = 5, condition = 6. */
export const pipelinedPut: PipelinedMethod<SingleWrite, WriteResult> = {
  requestField: 3,
  answerField: 2,
  bytes: ({ operation, condition, requestId }) =>
    putOperationBytes(operation) + textBytes(requestId) + conditionFieldBytes(condition),
  put(target, start, { operation, condition, requestId }) {
    const at = putText(target, putPutOperation(target, start, operation), 5, requestId);
    return putCondition(target, at, 6, condition);
  },
  read: readResult,
  from: (outcome) => fromResult(messageOf(outcome, "put")),
};

/** DeleteRequest: key = 1, timestamp = 2, request_id = 3, condition = 4. */
export const pipelinedDelete: PipelinedMethod<SingleWrite, WriteResult> = {
  requestField: 4,
  answerField: 3,
  bytes: ({ operation, condition, requestId }) =>
    momentOperationBytes(operation) + textBytes(requestId) + conditionFieldBytes(condition),
  put(target, start, { operation, condition, requestId }) {
    const at = putText(target, putMomentOperation(target, start, operation), 3, requestId);
    return putCondition(target, at, 4, condition);
  },
  read: readResult,
  from: (outcome) => fromResult(messageOf(outcome, "delete")),
};

/** WriteRequest: operations = 1, request_id = 2, preconditions = 3, of key = 1 and condition = 2. */
export const pipelinedWrite: PipelinedMethod<BatchWrite, WriteResult> = {
  requestField: 5,
  answerField: 4,
  bytes({ operations, preconditions, requestId }) {
    let bytes = textBytes(requestId);
    for (const operation of operations) bytes += bytesFieldBytes(bytesFieldBytes(operationBytes(operation)));
    for (const { key, condition } of preconditions) {
      bytes += bytesFieldBytes(bytesFieldBytes(key.length) + conditionFieldBytes(condition));
    }
    return bytes;
  },
  put(target, start, { operations, preconditions, requestId }) {
    let at = start;
    for (const operation of operations) at = putOperation(target, at, operation);
    at = putText(target, at, 2, requestId);
    for (const { key, condition } of preconditions) {
      at = putFieldHead(target, at, 3, bytesFieldBytes(key.length) + conditionFieldBytes(condition));
      at = putCondition(target, putBytesField(target, at, 1, key), 2, condition);
    }
    return at;
  },
  read: readResult,
  from: (outcome) => fromResult(messageOf(outcome, "write")),
};

/** GetRequest: key = 1, as_of = 2, snapshot = 4; GetResponse: version = 1. */
export const pipelinedGet: PipelinedMethod<GetRequest, WireVersion | undefined> = {
  requestField: 6,
  answerField: 5,
  bytes: ({ key, asOf, snapshot }) => bytesFieldBytes(key.length) + optionalFieldBytes(asOf) + textBytes(snapshot),
  put(target, start, { key, asOf, snapshot }) {
    const at = putOptionalField(target, putBytesField(target, start, 1, key), 2, asOf);
    return putText(target, at, 4, snapshot);
  },
  read(reader, end) {
    if (reader.at === end) return undefined;
    if (reader.tag() !== version1) throw unusualMessage;
    const versionEnd = reader.messageEnd();
    if (versionEnd !== end) throw unusualMessage;
    return readVersion(reader, end);
  },
  from(outcome) {
    const { version } = messageOf(outcome, "get");
    return version && fromVersion(version);
  },
};

/** ListVersionsRequest: key = 1, from = 2, to = 3, reverse = 5, page_size = 6, page_token = 7, snapshot = 8. */
export const pipelinedListVersions: PipelinedMethod<ListVersionsRequest, WirePage<WireVersion>> = {
  requestField: 8,
  answerField: 8,
  bytes: ({ key, from, to, reverse, pageSize, pageToken, snapshot }) =>
    bytesFieldBytes(key.length) +
    optionalFieldBytes(from) +
    optionalFieldBytes(to) +
    numberFieldBytes(Number(reverse)) +
    numberFieldBytes(pageSize) +
    textBytes(pageToken) +
    textBytes(snapshot),
  put(target, start, { key, from, to, reverse, pageSize, pageToken, snapshot }) {
    let at = putBytesField(target, start, 1, key);
    at = putOptionalField(target, at, 2, from);
    at = putOptionalField(target, at, 3, to);
    at = putNumberField(target, at, 5, Number(reverse));
    at = putNumberField(target, at, 6, pageSize);
    return putText(target, putText(target, at, 7, pageToken), 8, snapshot);
  },
  read: readPage,
  from(outcome) {
    const page = messageOf(outcome, "listVersions");
    return fromPage(page, page.versions, fromVersion);
  },
};

/** ScanRequest: range = 1, as_of = 2, reverse = 4, page_size = 5, page_token = 6, include_deleted = 7, snapshot = 8. */
export const pipelinedScan: PipelinedMethod<ScanRequest, WirePage<WireVersion>> = {
  requestField: 9,
  answerField: 9,
  bytes: ({ range, asOf, reverse, includeDeleted, pageSize, pageToken, snapshot }) =>
    bytesFieldBytes(rangeBytes(range)) +
    optionalFieldBytes(asOf) +
    numberFieldBytes(Number(reverse)) +
    numberFieldBytes(pageSize) +
    textBytes(pageToken) +
    numberFieldBytes(Number(includeDeleted)) +
    textBytes(snapshot),
  put(target, start, { range, asOf, reverse, includeDeleted, pageSize, pageToken, snapshot }) {
    let at = putRange(target, start, 1, range);
    at = putOptionalField(target, at, 2, asOf);
    at = putNumberField(target, at, 4, Number(reverse));
    at = putNumberField(target, at, 5, pageSize);
    at = putText(target, at, 6, pageToken);
    at = putNumberField(target, at, 7, Number(includeDeleted));
    return putText(target, at, 8, snapshot);
  },
  read: readPage,
  from(outcome) {
    const page = messageOf(outcome, "scan");
    return fromPage(page, page.versions, fromVersion);
  },
};

/** Range: start = 2, end = 3. */
function putRange(target: Buffer, begin: number, field: number, { start, end }: ResolvedRange): number {
  let at = putFieldHead(target, begin, field, rangeBytes({ start, end }));
  if (start !== undefined) at = putBytesField(target, at, 2, start);
  if (end !== undefined) at = putBytesField(target, at, 3, end);
  return at;
}

function rangeBytes({ start, end }: ResolvedRange): number {
  return (
    (start === undefined ? 0 : bytesFieldBytes(start.length)) + (end === undefined ? 0 : bytesFieldBytes(end.length))
  );
}

/** In Operation: put = 1, delete = 2, retract = 3, delete_range = 4. */
function putOperation(target: Buffer, start: number, operation: EncodedOperation): number {
  const bytes = operationBytes(operation);
  const at = putFieldHead(target, start, 1, bytesFieldBytes(bytes));
  switch (operation.op) {
    case "put":
      return putPutOperation(target, putFieldHead(target, at, 1, bytes), operation);
    case "delete":
      return putMomentOperation(target, putFieldHead(target, at, 2, bytes), operation);
    case "retract":
      return putMomentOperation(target, putFieldHead(target, at, 3, bytes), operation);
    case "deleteRange":
      return putRangeOperation(target, putFieldHead(target, at, 4, bytes), operation);
  }
}

function operationBytes(operation: EncodedOperation): number {
  switch (operation.op) {
    case "put":
      return putOperationBytes(operation);
    case "deleteRange":
      return bytesFieldBytes(rangeBytes(operation.range)) + optionalFieldBytes(operation.timestamp);
    default:
      return momentOperationBytes(operation);
  }
}

/** DeleteRangeOperation: range = 1, timestamp = 2. */
function putRangeOperation(target: Buffer, start: number, { range, timestamp }: EncodedRangeOperation): number {
  const at = putRange(target, start, 1, range);
  return putOptionalField(target, at, 2, timestamp);
}

/** PutOperation, and the beginning of PutRequest: key = 1, value = 2, timestamp = 3, expires_at = 4. */
function putPutOperation(target: Buffer, start: number, operation: EncodedKeyOperation): number {
  const { key, value, timestamp, expiresAt } = operation;
  let at = putBytesField(target, start, 1, key);
  if (value !== undefined) at = putBytesField(target, at, 2, value);
  at = putOptionalField(target, at, 3, timestamp);
  return putOptionalField(target, at, 4, expiresAt);
}

function putOperationBytes({ key, value, timestamp, expiresAt }: EncodedKeyOperation): number {
  return (
    bytesFieldBytes(key.length) +
    (value === undefined ? 0 : bytesFieldBytes(value.length)) +
    optionalFieldBytes(timestamp) +
    optionalFieldBytes(expiresAt)
  );
}

/** DeleteOperation and RetractOperation, and the beginning of DeleteRequest: key = 1, timestamp = 2. */
function putMomentOperation(target: Buffer, at: number, { key, timestamp }: EncodedKeyOperation): number {
  return putOptionalField(target, putBytesField(target, at, 1, key), 2, timestamp);
}

function momentOperationBytes({ key, timestamp }: EncodedKeyOperation): number {
  return bytesFieldBytes(key.length) + optionalFieldBytes(timestamp);
}

/** Condition: if_absent = 1, if_seq = 2, if_timestamp = 3. */
function putCondition(target: Buffer, at: number, field: number, condition: CheckedCondition | undefined): number {
  if (condition === undefined) return at;
  const { kindField, value } = kindOf(condition);
  return putOptionalField(target, putFieldHead(target, at, field, optionalFieldBytes(value)), kindField, value);
}

function conditionFieldBytes(condition: CheckedCondition | undefined): number {
  return condition === undefined ? 0 : bytesFieldBytes(optionalFieldBytes(kindOf(condition).value));
}

function kindOf(condition: CheckedCondition): { readonly kindField: number; readonly value: number } {
  switch (condition.kind) {
    case "ifAbsent":
      return { kindField: 1, value: 1 };
    case "ifSeq":
      return { kindField: 2, value: condition.seq };
    case "ifTimestamp":
      return { kindField: 3, value: condition.timestamp };
  }
}

/** Empty text is left out, as none is. */
function textBytes(text: string | undefined): number {
  return text === undefined || text === "" ? 0 : bytesFieldBytes(Buffer.byteLength(text));
}

function putText(target: Buffer, at: number, field: number, text: string | undefined): number {
  if (text === undefined || text === "") return at;
  const from = putFieldHead(target, at, field, Buffer.byteLength(text));
  return from + target.write(text, from);
}
