/**
 * The key under which the ordered stores keep a version: the user's key, a NUL, and the timestamp inverted in eight bytes,
 * so that a key's versions lie together, newest first, and a lookup as of a moment is one seek forward. Keys are ASCII
 * without NUL here, as their owner would know.
 */
export const suffixBytes = 9;

const highMost = 0x1fffff;
const lowMost = 0xffffffff;
const halfRange = 2 ** 32;

export function versionKey(key: string, timestamp: number): Buffer {
  const length = key.length;
  const bytes = Buffer.allocUnsafe(length + suffixBytes);
  bytes.write(key, 0, "latin1");
  bytes[length] = 0;
  bytes.writeUInt32BE(highMost - Math.floor(timestamp / halfRange), length + 1);
  bytes.writeUInt32BE(lowMost - (timestamp % halfRange), length + 5);
  return bytes;
}

/** Below every version of the key. */
export function firstVersionKey(key: string): Buffer {
  return marked(key, 0);
}

/** Above every version of the key, and below the next key. */
export function afterVersionsKey(key: string): Buffer {
  return marked(key, 1);
}

/** The user's key in a version's. */
export function userKey(bytes: Buffer): string {
  return bytes.toString("latin1", 0, bytes.length - suffixBytes);
}

export function isVersionOf(bytes: Buffer, key: string): boolean {
  return bytes.length === key.length + suffixBytes && bytes.toString("latin1", 0, key.length) === key;
}

/** The inverted timestamp alone, to compare with {@link isNewerThan}. */
export function momentSuffix(moment: number): Buffer {
  return versionKey("", moment).subarray(1);
}

/** Whether the version's timestamp is above the moment that `suffix` stands for. */
export function isNewerThan(bytes: Buffer, suffix: Buffer): boolean {
  return bytes.compare(suffix, 0, suffix.length, bytes.length - suffix.length, bytes.length) < 0;
}

function marked(key: string, mark: number): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + 1);
  bytes.write(key, 0, "latin1");
  bytes[key.length] = mark;
  return bytes;
}
