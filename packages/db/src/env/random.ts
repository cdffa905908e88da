/** 16 bytes that nobody has drawn before. */
export function systemRandomBytes(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}
