import { encodeKey, fromBase64, fromBase64Url, fromHex, toBase64, toHex, utf8 } from "@kvts/common";
import type { Argv } from "yargs";
import { usageError } from "../failure.ts";

/** How keys are written in arguments and shown on lines for people. JSON has a form of its own for binary keys. */
export type KeyEncoding = "utf8" | "hex" | "base64";

export interface KeyEncodingOptions {
  keyEncoding: KeyEncoding;
}

const keyEncodings: readonly KeyEncoding[] = ["utf8", "hex", "base64"];

export function withKeyEncoding<T>(yargs: Argv<T>): Argv<T & { "key-encoding": KeyEncoding }> {
  return yargs.option("key-encoding", {
    choices: keyEncodings,
    default: "utf8" as KeyEncoding,
    requiresArg: true,
    describe: "How keys are written in arguments and shown",
  });
}

/**
 * The bytes of a key, prefix or bound that was typed.
 * @param name how the error calls it
 */
export function decodeBytes(text: string, encoding: KeyEncoding, name: string): Uint8Array {
  if (encoding === "utf8") return utf8(text);
  const bytes = encoding === "hex" ? fromHex(text) : (fromBase64(text) ?? fromBase64Url(text));
  if (bytes === undefined) {
    throw usageError(`${name} is not ${encoding}: ${JSON.stringify(text)}; write it so, or change --key-encoding`);
  }
  return bytes;
}

/** The bytes of a key that was typed. */
export function readKey(text: string, encoding: KeyEncoding): Uint8Array {
  return encodeKey(decodeBytes(text, encoding, "the key"));
}

/** The bytes in a binary encoding. */
export function encodeBytes(bytes: Uint8Array, encoding: Exclude<KeyEncoding, "utf8">): string {
  return encoding === "hex" ? toHex(bytes) : toBase64(bytes);
}
