/**
 * A message that is not as this package's own writers write it: a field that is not known, a number out of the usual,
 * one cut short. The library of protobuf tells what it is; always the same object, since it is no failure.
 */
export const unusualMessage: Error = new Error("the message is to be read by the library");

/** How the bytes of a field are laid out. */
export const wireTypes = { varint: 0, lengthDelimited: 2 } as const;

/**
 * Reads the fields of messages, one after the other, straight from their bytes: numbers as numbers, without a bigint or an
 * object for each message in between. Of messages within messages one reader reads all:
 *
 *     for (const end = reader.messageEnd(); reader.at < end; ) {
 *       switch (reader.tag()) { … }
 *     }
 *
 * Every method throws {@link unusualMessage} for what it does not take.
 */
export class FieldReader {
  readonly bytes: Uint8Array;
  at: number;
  /** Where the bytes end that may be read. */
  readonly end: number;

  constructor(bytes: Uint8Array, from = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = from;
    this.end = end;
  }

  /** Number and wire type of the next field, as {@link tagOf} makes them. */
  tag(): number {
    const tag = this.bytes[this.at++]!;
    // Fields up to 15 have tags of one byte.
    if (tag >= 128) throw unusualMessage;
    return tag;
  }

  /** From 0 to 2^53 - 1. */
  number(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    let value = byte & 127;
    for (let unit = 128; byte >= 128; unit *= 128) {
      byte = bytes[this.at++]!;
      value += (byte & 127) * unit;
    }
    if (this.at > this.end || value > Number.MAX_SAFE_INTEGER) throw unusualMessage;
    return value;
  }

  /** From 0 to 2^31 - 1. */
  int32(): number {
    const value = this.number();
    if (value > 0x7fffffff) throw unusualMessage;
    return value;
  }

  bool(): boolean {
    return this.number() !== 0;
  }

  /** Where a message ends that begins here, behind its length. */
  messageEnd(): number {
    const length = this.number();
    const end = this.at + length;
    if (end > this.end) throw unusualMessage;
    return end;
  }

  /** A view of the bytes, not a copy. */
  view(): Uint8Array {
    const end = this.messageEnd();
    const { bytes, at } = this;
    this.at = end;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at);
  }

  copy(): Uint8Array {
    return this.view().slice();
  }

  /** Text without anything beyond ASCII. */
  text(): string {
    const end = this.messageEnd();
    const { bytes } = this;
    let text = "";
    for (let at = this.at; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= 128) throw unusualMessage;
      text += String.fromCharCode(byte);
    }
    this.at = end;
    return text;
  }

  /** A message that began in front of `end` must not reach beyond it. */
  checkEnd(end: number): void {
    if (this.at !== end) throw unusualMessage;
  }
}
