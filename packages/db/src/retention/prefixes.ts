/** Of the items whose prefix `key` begins with, the one with the longest. */
export function longestPrefix<T extends { readonly prefix: Uint8Array }>(
  items: readonly T[],
  key: Uint8Array,
): T | undefined {
  let longest: T | undefined;
  for (const item of items) {
    if (longest !== undefined && item.prefix.length <= longest.prefix.length) continue;
    if (startsWith(key, item.prefix)) longest = item;
  }
  return longest;
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.length <= key.length && prefix.every((byte, index) => byte === key[index]);
}
