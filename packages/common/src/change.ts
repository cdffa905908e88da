import type { Change, Entry, Key } from "./store.ts";
import { keyToJson, type VersionJson, versionToJson } from "./version-json.ts";

/** What became of a key of which an entry was, or is, there. */
export function makeChange<K extends Key>(
  key: K,
  before: Entry<K> | undefined,
  after: Entry<K> | undefined,
): Change<K> {
  if (before === undefined) return { key, kind: "added", after: after! };
  return after === undefined ? { key, kind: "removed", before } : { key, kind: "changed", before, after };
}

/** A change in JSON, the same in HTTP bodies and on the command line. */
export interface ChangeJson {
  /** The key when its bytes are UTF-8. */
  readonly key?: string;
  readonly keyBase64?: string;
  readonly kind: Change["kind"];
  readonly before?: VersionJson;
  readonly after?: VersionJson;
}

/** A change as its JSON object, fields in their documented order. */
export function changeToJson({ key, kind, before, after }: Change<Key>): ChangeJson {
  return {
    ...keyToJson(key),
    kind,
    ...(before !== undefined && { before: versionToJson(before) }),
    ...(after !== undefined && { after: versionToJson(after) }),
  };
}
