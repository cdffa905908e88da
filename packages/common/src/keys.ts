import { copyBytes, textOf, utf8 } from "./bytes.ts";
import { atIndex, invalidArgument, isKvtsError, KvtsError } from "./errors.ts";
import { limits } from "./limits.ts";
import { shown } from "./shown.ts";
import type { BytesInput, Key, KeyOf } from "./store.ts";

/**
 * The bytes of a key: 1 … 65,535. Bytes are taken as they are and not copied.
 * @throws INVALID_ARGUMENT when empty, of another type, or a string with a lone surrogate
 * @throws TOO_LARGE above the limit
 */
export function encodeKey(key: BytesInput): Uint8Array {
  const bytes = encodeBound(key, "key");
  if (bytes.length === 0) throw invalidArgument("a key has at least one byte; this one is empty");
  return bytes;
}

/** The bytes of each key, in order; errors name the bad one by its index. */
export function encodeKeys(keys: readonly BytesInput[]): Uint8Array[] {
  if (!Array.isArray(keys)) throw invalidArgument("keys must be an array");
  return Array.from(keys, (key: BytesInput, index) => {
    try {
      return encodeKey(key);
    } catch (error) {
      throw isKvtsError(error) ? atIndex(error, "key", index) : error;
    }
  });
}

/** The bytes of a prefix or of an end of a range: like a key, but may be empty. `name` is how errors call it. */
export function encodeBound(bound: BytesInput, name: string): Uint8Array {
  const bytes = encodeText(bound, name, limits.keyBytesMax);
  if (bytes.length > limits.keyBytesMax) throw tooLarge(name, bytes.length, limits.keyBytesMax);
  return bytes;
}

/**
 * The bytes of a value: 0 … 64 MiB. Bytes are taken as they are and not copied.
 * @throws INVALID_ARGUMENT when of another type, or a string with a lone surrogate
 * @throws TOO_LARGE above the limit
 */
export function encodeValue(value: BytesInput): Uint8Array {
  const bytes = encodeText(value, "value", limits.valueBytesMax);
  if (bytes.length > limits.valueBytesMax) throw tooLarge("value", bytes.length, limits.valueBytesMax);
  return bytes;
}

/**
 * `bytes` in the form in which a view gives keys back; as bytes, the same array.
 * @throws INVALID_ARGUMENT for a key that is no UTF-8, read as a string
 */
export function decodeKey<F extends "string" | "bytes">(bytes: Uint8Array, form: F): KeyOf<F>;
export function decodeKey(bytes: Uint8Array, form: "string" | "bytes"): Key {
  if (form === "bytes") return bytes;
  const text = textOf(bytes);
  if (text === undefined) {
    throw invalidArgument(
      `a key of ${bytes.length} bytes is not UTF-8 and cannot be given as a string; read it with keys: "bytes"`,
    );
  }
  return text;
}

/** The `keys` setting of a view, checked. */
export function checkKeyForm<F extends "string" | "bytes">(form: F): F {
  if (form !== "string" && form !== "bytes") {
    throw invalidArgument(`keys must be "string" or "bytes", not ${shown(form)}`);
  }
  return form;
}

function encodeText(input: BytesInput, name: string, bytesMax: number): Uint8Array {
  if (input instanceof Uint8Array) {
    if (isPlain(input)) return input;
    throw invalidArgument(
      `a ${name} is a Uint8Array with the bytes that it counts, neither a proxy nor detached; copy it`,
    );
  }
  if (typeof input !== "string") {
    throw invalidArgument(`a ${name} is a string or a Uint8Array, not ${shown(input)}`);
  }
  // A UTF-16 unit takes at least one byte, so this needs no encoding of what is far too long.
  if (input.length > bytesMax) throw tooLarge(name, input.length, bytesMax);
  if (!isWellFormed(input)) {
    throw invalidArgument(`a ${name} given as a string must not have a lone surrogate; pass a Uint8Array instead`);
  }
  return utf8(input);
}

const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length")!.get!;

/** Whether it is as long as it says. What copies its bytes goes by the one, what counts them by the other. */
function isPlain(bytes: Uint8Array): boolean {
  try {
    if (bytes.length === 0) copyBytes(bytes);
    return lengthOf.call(bytes) === bytes.length;
  } catch {
    return false; // a proxy, or detached
  }
}

/** `String.prototype.isWellFormed` of ES2024, which every supported runtime has. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function tooLarge(name: string, length: number, bytesMax: number): KvtsError {
  return new KvtsError("TOO_LARGE", `a ${name} has at most ${bytesMax} bytes; this one has at least ${length}`, {
    details: { limit: bytesMax },
  });
}
