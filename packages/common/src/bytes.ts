const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const asciiDecoder = new TextDecoder("latin1");

/** Bytewise order, the order of keys: negative, zero or positive. A prefix comes before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** A copy in memory of its own; unlike `slice` it is one for a Node Buffer too. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** One new array that holds all `parts`, in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The UTF-8 of `text`, in an array of its own. Lone surrogates become U+FFFD; see `keys.ts` for what refuses them. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text that `bytes` are the UTF-8 of, a leading byte order mark kept, or `undefined` when they are no UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

/** The bytes that `hex` names, in either case, or `undefined` when it is malformed. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) return undefined;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PAD = 0x3d;
const NO_DIGIT = 0xff;

interface Alphabet {
  /** Six bits → character code. */
  readonly codes: Uint8Array;
  /** Character code → six bits, or NO_DIGIT. */
  readonly digits: Uint8Array;
}

function alphabet(characters: string): Alphabet {
  const codes = encoder.encode(characters);
  const digits = new Uint8Array(256).fill(NO_DIGIT);
  codes.forEach((code, digit) => {
    digits[code] = digit;
  });
  return { codes, digits };
}

const standard = alphabet(`${LETTERS}+/`);
const urlSafe = alphabet(`${LETTERS}-_`);

/** RFC 4648 base64, padded. */
export function toBase64(bytes: Uint8Array): string {
  return encodeBase64(bytes, standard, true);
}

/** The bytes of padded base64, or `undefined` when it is not exactly what {@link toBase64} writes. */
export function fromBase64(text: string): Uint8Array | undefined {
  return text.length % 4 === 0 ? decodeBase64(text, standard) : undefined;
}

/** RFC 4648 base64url, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes, urlSafe, false);
}

/** The bytes of base64url, padded or not, or `undefined` when it is malformed. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  return text.endsWith("=") && text.length % 4 !== 0 ? undefined : decodeBase64(text, urlSafe);
}

function encodeBase64(bytes: Uint8Array, { codes }: Alphabet, padded: boolean): string {
  const characters = Math.ceil((bytes.length * 4) / 3);
  const out = new Uint8Array(padded ? Math.ceil(bytes.length / 3) * 4 : characters);
  let to = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const bits = (bytes[from]! << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    // Writes past the end of an unpadded array are dropped, as typed arrays do.
    out[to++] = codes[bits >>> 18]!;
    out[to++] = codes[(bits >>> 12) & 63]!;
    out[to++] = codes[(bits >>> 6) & 63]!;
    out[to++] = codes[bits & 63]!;
  }
  if (padded) out.fill(PAD, characters);
  return asciiDecoder.decode(out);
}

function decodeBase64(text: string, { digits }: Alphabet): Uint8Array | undefined {
  const codes = encoder.encode(text);
  let end = codes.length;
  while (end > 0 && codes.length - end < 2 && codes[end - 1] === PAD) end--;
  if (end % 4 === 1) return undefined;
  const out = new Uint8Array(Math.floor((end * 3) / 4));
  let bits = 0;
  let to = 0;
  for (let from = 0; from < end; from++) {
    const digit = digits[codes[from]!]!;
    if (digit === NO_DIGIT) return undefined;
    bits = ((bits << 6) | digit) & 0xffffff;
    const within = from & 3;
    if (within !== 0) out[to++] = bits >>> (6 - 2 * within);
  }
  // Bits beyond the last byte must be zero, or two texts would name the same bytes.
  const spare = end % 4 === 2 ? 15 : end % 4 === 3 ? 3 : 0;
  return (bits & spare) === 0 ? out : undefined;
}
