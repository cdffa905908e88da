import type { OutgoingHttpHeaders } from "node:http";
import { type Bucket, bucketToJson, keyToJson, type VersionJson, versionToJson } from "@kvts/common";
import type { StoredChange, StoredEntry, StoredVersion } from "../service/lists.ts";
import type { ItemCodec } from "../service/page.ts";
import { uncompressedTag } from "./compression.ts";
import { jsonTextOf } from "./json-value.ts";
import { weightOf } from "./weights.ts";

/** `?as=json`: values that are JSON appear as such. */
export type As = "json" | undefined;

/** A version as JSON text. */
export function versionText(version: StoredVersion, as: As): string {
  const json = versionToJson(version);
  const valueJson = as === "json" && json.value !== undefined ? jsonTextOf(json.value) : undefined;
  if (valueJson === undefined) return JSON.stringify(json);
  const { value: _, ...rest }: VersionJson = json;
  // Put in as it is stored: parsing it would round its numbers.
  return `${JSON.stringify(rest).slice(0, -1)},"valueJson":${valueJson}}`;
}

/** Versions as items of a JSON list; a comma goes with each. */
export function versionTexts(as: As): ItemCodec<StoredVersion, string> {
  return { encode: (version) => versionText(version, as), bytes };
}

/** The same, with `null` for a key that holds nothing. */
export function entryTexts(as: As): ItemCodec<StoredEntry | undefined, string> {
  return { encode: (entry) => (entry === undefined ? "null" : versionText(entry, as)), bytes };
}

/** Changes as items of a JSON list. */
export function changeTexts(as: As): ItemCodec<StoredChange, string> {
  return { encode: (change) => changeText(change, as), bytes };
}

/** Buckets as items of a JSON list. */
export const bucketTexts: ItemCodec<Bucket, string> = {
  encode: (bucket) => JSON.stringify(bucketToJson(bucket)),
  bytes,
};

function changeText({ key, kind, before, after }: StoredChange, as: As): string {
  const side = (name: "before" | "after", entry: StoredEntry | undefined): string =>
    entry === undefined ? "" : `,"${name}":${versionText(entry, as)}`;
  return `${JSON.stringify({ ...keyToJson(key), kind }).slice(0, -1)}${side("before", before)}${side("after", after)}}`;
}

function bytes(text: string): number {
  return Buffer.byteLength(text) + 1;
}

/** Whether a client that sends this Accept header would rather have JSON than the value's bytes. */
export function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  let json = 0;
  let bytes = 0;
  for (const part of accept.split(",")) {
    const [type, ...parameters] = part
      .toLowerCase()
      .split(";")
      .map((text) => text.trim());
    const weight = weightOf(parameters);
    if (type === "application/json") json = weight;
    else if (type === "application/octet-stream" || type === "*/*" || type === "application/*") {
      bytes = Math.max(bytes, weight);
    }
  }
  // Who names JSON at all means it, where the rest weighs the same.
  return json > 0 && json >= bytes;
}

/** Headers of an entry in either form. */
export function entryHeaders(entry: StoredEntry, tag: string): OutgoingHttpHeaders {
  return {
    etag: tag,
    // A backdated write may change even what was read as of the past.
    "cache-control": "no-cache",
    vary: "Accept, Accept-Encoding",
    "kvts-timestamp": entry.timestamp,
    "kvts-seq": entry.seq,
    ...(entry.expiresAt === undefined ? {} : { "kvts-expires-at": entry.expiresAt }),
  };
}

export function entityTag(entry: StoredEntry, form: "raw" | "json"): string {
  return form === "raw" ? `"${entry.seq}"` : `"${entry.seq}.json"`;
}

/** The ETag by which an If-None-Match header names the representation that would be sent, compressed or not. */
export function unchangedTag(ifNoneMatch: string | undefined, tag: string): string | undefined {
  if (ifNoneMatch === undefined) return undefined;
  const tags = ifNoneMatch.split(",").map((text) => text.trim().replace(/^W\//, ""));
  return tags.includes("*") ? tag : tags.find((each) => uncompressedTag(each) === tag);
}
