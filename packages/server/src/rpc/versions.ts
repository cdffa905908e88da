import { create } from "@bufbuild/protobuf";
import {
  type BatchGetItem,
  BatchGetItemSchema,
  type Bucket,
  BucketSchema,
  bytesFieldBytes,
  type Change,
  ChangeKind,
  ChangeSchema,
  type PlainVersion,
  type Version,
  VersionSchema,
  versionFieldBytes,
} from "@kvts/api";
import type { Bucket as StoredBucket } from "@kvts/common";
import type { StoredChange, StoredEntry, StoredVersion } from "../service/lists.ts";
import type { ItemCodec } from "../service/page.ts";
import { numberOut } from "./numbers.ts";

export function versionOut(version: StoredVersion): Version {
  const { key, timestamp, seq } = version;
  const moment = { key, timestamp: numberOut(timestamp), seq: numberOut(seq) };
  if (version.deleted === true) return create(VersionSchema, { ...moment, deleted: true });
  const { value, expiresAt } = version;
  return create(VersionSchema, {
    ...moment,
    value,
    ...(expiresAt === undefined ? {} : { expiresAt: numberOut(expiresAt) }),
  });
}

const changeKinds: Readonly<Record<StoredChange["kind"], ChangeKind>> = {
  added: ChangeKind.ADDED,
  changed: ChangeKind.CHANGED,
  removed: ChangeKind.REMOVED,
};

export function changeOut({ key, kind, before, after }: StoredChange): Change {
  return create(ChangeSchema, {
    key,
    kind: changeKinds[kind],
    ...(before !== undefined && { before: versionOut(before) }),
    ...(after !== undefined && { after: versionOut(after) }),
  });
}

/** In which of the two encodings of protobuf a call is answered. */
export type Encoding = "binary" | "json";

export function batchItemOut(entry: StoredEntry | undefined): BatchGetItem {
  return create(BatchGetItemSchema, entry === undefined ? {} : { version: versionOut(entry) });
}

/** Items of a page as they are until the whole page is written, and how many bytes each will take. */
interface Sizes<T> extends ItemCodec<T, T> {}

function sizes<T>(bytes: (item: T) => number): Sizes<T> {
  return { encode: (item) => item, bytes };
}

/** Of versions; the item's tag and length count too. */
export function versionSizes(encoding: Encoding): Sizes<StoredVersion> {
  return encoding === "json" ? jsonVersions : binaryVersions;
}

const binaryVersions = sizes<StoredVersion>(versionFieldBytes);
const jsonVersions = sizes<StoredVersion>(jsonBytes);

/** Of answers to a BatchGet. */
export function batchItemSizes(encoding: Encoding): Sizes<StoredEntry | undefined> {
  return encoding === "json" ? jsonBatchItems : binaryBatchItems;
}

const binaryBatchItems = batchItems(versionFieldBytes);
const jsonBatchItems = batchItems(jsonBytes);

function batchItems(bytes: (version: StoredVersion) => number): Sizes<StoredEntry | undefined> {
  return sizes((entry) => bytesFieldBytes(entry === undefined ? 0 : bytes(entry)) + batchItemJsonBytes);
}

/** Of changes. */
export function changeSizes(encoding: Encoding): Sizes<StoredChange> {
  return encoding === "json" ? jsonChanges : binaryChanges;
}

const binaryChanges = sizes<StoredChange>(({ key, before, after }) =>
  bytesFieldBytes(
    bytesFieldBytes(key.length) +
      changeKindBytes +
      sideBytes(before, versionFieldBytes) +
      sideBytes(after, versionFieldBytes),
  ),
);
const jsonChanges = sizes<StoredChange>(
  ({ key, before, after }) =>
    changeJsonBytes + base64Bytes(key.length) + sideBytes(before, jsonBytes) + sideBytes(after, jsonBytes),
);

function sideBytes(side: StoredEntry | undefined, bytes: (version: StoredVersion) => number): number {
  return side === undefined ? 0 : bytes(side);
}

/** Buckets as items of a page. */
export function bucketCodec(): ItemCodec<StoredBucket, Bucket> {
  return {
    encode: ({ timestamp, count, skipped, ...figures }) =>
      create(BucketSchema, {
        timestamp: numberOut(timestamp),
        count: numberOut(count),
        skipped: numberOut(skipped),
        ...figures,
      }),
    bytes: () => bucketBytesMax,
  };
}

/** All fields, each with the longest number, in JSON, which is the longer of the encodings. */
const bucketBytesMax = 320;

/** `{"key":"","kind":"CHANGE_KIND_CHANGED","before":,"after":},` */
const changeJsonBytes = 61;
const changeKindBytes = 2;

/** `{"version":},` */
const batchItemJsonBytes = 13;

/** Field names, punctuation and the longest numbers of a version in JSON; an upper bound. */
const jsonFrameBytes = 160;

function jsonBytes({ key, value }: PlainVersion): number {
  return jsonFrameBytes + base64Bytes(key.length) + base64Bytes(value?.length ?? 0);
}

function base64Bytes(length: number): number {
  return Math.ceil(length / 3) * 4;
}
