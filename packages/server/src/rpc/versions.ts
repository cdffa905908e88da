import { create } from "@bufbuild/protobuf";
import {
  type BatchGetItem,
  BatchGetItemSchema,
  type Bucket,
  BucketSchema,
  type Change,
  ChangeKind,
  ChangeSchema,
  type Version,
  VersionSchema,
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

/** Versions as items of a page; sizes count the item's tag and length too. */
export function versionCodec(encoding: Encoding): ItemCodec<StoredVersion, Version> {
  return { encode: versionOut, bytes: encoding === "json" ? jsonBytes : (version) => embedded(binaryBytes(version)) };
}

/** Answers of BatchGet as items of a page. */
export function batchItemCodec(encoding: Encoding): ItemCodec<StoredEntry | undefined, BatchGetItem> {
  const bytes = encoding === "json" ? jsonBytes : (version: Version) => embedded(binaryBytes(version));
  return {
    encode: (entry) => create(BatchGetItemSchema, entry === undefined ? {} : { version: versionOut(entry) }),
    bytes: ({ version }) => embedded(version === undefined ? 0 : bytes(version)) + batchItemJsonBytes,
  };
}

/** Changes as items of a page. */
export function changeCodec(encoding: Encoding): ItemCodec<StoredChange, Change> {
  const json = encoding === "json";
  const bytes = json ? jsonBytes : (version: Version) => embedded(binaryBytes(version));
  const side = (version: Version | undefined): number => (version === undefined ? 0 : bytes(version));
  return {
    encode: changeOut,
    bytes: ({ key, before, after }) => {
      const own = json ? changeJsonBytes + base64Bytes(key.length) : embedded(key.length) + changeKindBytes;
      const whole = own + side(before) + side(after);
      return json ? whole : embedded(whole);
    },
  };
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

/** Tag and length in front of a message or of bytes. */
function embedded(length: number): number {
  return 1 + varintBytes(length) + length;
}

function binaryBytes({ key, value, timestamp, seq, expiresAt, deleted }: Version): number {
  return (
    embedded(key.length) +
    (value === undefined ? 0 : embedded(value.length)) +
    numberBytes(timestamp) +
    numberBytes(seq) +
    (expiresAt === undefined ? 0 : numberBytes(expiresAt)) +
    (deleted ? 2 : 0)
  );
}

function numberBytes(value: bigint): number {
  return 1 + varintBytes(Number(value));
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest /= 128) bytes++;
  return bytes;
}

/** Field names, punctuation and the longest numbers of a version in JSON; an upper bound. */
const jsonFrameBytes = 160;

function jsonBytes({ key, value }: Version): number {
  return jsonFrameBytes + base64Bytes(key.length) + base64Bytes(value?.length ?? 0);
}

function base64Bytes(length: number): number {
  return Math.ceil(length / 3) * 4;
}
