export { invariant, unreachable } from "./assert.ts";
export { type FileNum, fileNum, type SeqNum, seqNum, type Timestamp, timestamp } from "./brands.ts";
export { aggregateEntries, aggregateSync, BucketFold, type BucketJson, bucketToJson, parseStep } from "./buckets.ts";
export {
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  textOf,
  toBase64,
  toBase64Url,
  toHex,
  utf8,
} from "./bytes.ts";
export { abortable, abortError, callSignal, throwIfAborted } from "./call.ts";
export { type ChangeJson, changeToJson, makeChange } from "./change.ts";
export { type Clock, systemClock } from "./clock.ts";
export {
  type CheckedCondition,
  conditionIn,
  conflictAt,
  type EncodedPrecondition,
  encodePreconditions,
  judgeCondition,
  type NewestVersion,
  otherContent,
  ownPrecondition,
} from "./conditions.ts";
export { formatDuration, parseDuration } from "./durations.ts";
export { type EntriesSource, entriesOf, makeEntries } from "./entries.ts";
export { type EntryFields, makeEntry, makeTombstone } from "./entry.ts";
export { checkErase, type EraseCall } from "./erase.ts";
export {
  codeOfGrpcStatus,
  codeOfHttpStatus,
  type GrpcStatus,
  grpcStatusOf,
  httpStatusOf,
  isErrorCode,
  type StatusContext,
} from "./error-status.ts";
export {
  atIndex,
  type ErrorCode,
  type ErrorDetails,
  invalidArgument,
  isKvtsError,
  KvtsError,
  type KvtsErrorOptions,
} from "./errors.ts";
export {
  type CheckedWatchOptions,
  checkIncarnation,
  checkWatchOptions,
  type DeletedRangeJson,
  type FeedItemJson,
  feedItemFromJson,
  feedItemToJson,
  type ParsedFeedItem,
  type RestoredRangeJson,
  type RetractionJson,
  type WatchEventJson,
  watchEventToJson,
} from "./feed.ts";
export { checkFields } from "./fields.ts";
export { checkKeyForm, decodeKey, encodeBound, encodeKey, encodeKeys, encodeValue } from "./keys.ts";
export { type Limits, limits } from "./limits.ts";
export { type LogFields, type Logger, silentLogger } from "./logger.ts";
export { resolveMoments } from "./moments.ts";
export { checkLimit, checkPositiveInteger, checkSeq } from "./numbers.ts";
export type {
  OperationError,
  OperationKind,
  OperationProgress,
  OperationResults,
  OperationState,
  TrackedOperation,
} from "./operations.ts";
export { checkCallOptions, checkOptionNames, type OptionNames } from "./options.ts";
export { type Portion, type Portioned, portion, takePortion } from "./portion.ts";
export { prefixEnd, type ResolvedRange, resolveRange } from "./range.ts";
export { type RangeJson, rangeToJson } from "./range-json.ts";
export { FixedMoment, readAt } from "./read-at.ts";
export {
  checkRestore,
  type RestoreCall,
  type RestoreResultJson,
  RestoreSample,
  restoreResultToJson,
} from "./restore.ts";
export {
  checkKeepFor,
  encodeRetentionPrefix,
  formatKeepFor,
  prefixToJson,
  RETENTION_PREFIX_BYTES_MAX,
  type RetentionPolicyJson,
  retentionPolicyToJson,
} from "./retention.ts";
export { shown } from "./shown.ts";
export { formatSize, parseSize } from "./sizes.ts";
export type * from "./store.ts";
export { checkTimestamp, formatTime, parseRfc3339, parseTime, type TimeInput, type Warn } from "./time.ts";
export { type KeyType, type TuplePrefix, tuple } from "./typed/key-type.ts";
export { decodeTuple, encodeTuple, type TuplePart, tupleRange } from "./typed/tuple.ts";
export type * from "./typed/typed-store.ts";
export { isPlainView, makeTypedSnapshot, makeTypedStore } from "./typed/typed-view.ts";
export { Typing } from "./typed/typing.ts";
export { json, text, type ValueType } from "./typed/value-type.ts";
export type * from "./upkeep.ts";
export {
  checkExpiry,
  checkOperationCount,
  checkOperationFields,
  checkRequestId,
  type EncodedKeyOperation,
  type EncodedOperation,
  type EncodedRangeOperation,
  encodeOperation,
  encodeOperations,
  expiryRefusal,
  rangeDeletion,
  rangeOf,
} from "./validate.ts";
export {
  bytesFromJson,
  contentFromJson,
  keyFromJson,
  keyToJson,
  type ParsedContent,
  type ParsedVersion,
  type VersionJson,
  valueToJson,
  versionFromJson,
  versionToJson,
} from "./version-json.ts";
