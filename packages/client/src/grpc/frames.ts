import { brokenAnswer, oversizeFailure } from "../failures.ts";
import type { WireFailure } from "../wire.ts";

/** Flags, 0 for a message without compression, and the length of the message that follows. */
export const envelopeHeadBytes = 5;

/** A buffer for a message of so many bytes, behind the head of its envelope, which is there already. */
export function emptyEnvelope(messageBytes: number): Buffer {
  const framed = Buffer.allocUnsafe(envelopeHeadBytes + messageBytes);
  framed[0] = 0;
  framed.writeUInt32BE(messageBytes, 1);
  return framed;
}

/** Finds the messages in what a stream brings, however it is cut. */
export class FrameReader {
  readonly #url: string;
  readonly #messageBytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #bytesWanted = envelopeHeadBytes;

  constructor(url: string, messageBytesMax: number) {
    this.#url = url;
    this.#messageBytesMax = messageBytesMax;
  }

  /**
   * Calls `take` with each message that `chunk` completes.
   * @throws WireFailure for one that is too large, or compressed
   */
  add(chunk: Buffer, take: (message: Uint8Array) => void): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#bytesWanted) return;
    const received = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    let at = 0;
    for (;;) {
      this.#bytesWanted = envelopeHeadBytes;
      if (received.length - at < envelopeHeadBytes) break;
      const length = received.readUInt32BE(at + 1);
      if (received[at] !== 0 || length > this.#messageBytesMax) throw this.#refusal(received[at]!);
      this.#bytesWanted = envelopeHeadBytes + length;
      if (received.length - at < this.#bytesWanted) break;
      const from = at + envelopeHeadBytes;
      at = from + length;
      take(new Uint8Array(received.buffer, received.byteOffset + from, length));
    }
    this.#chunks = at === received.length ? [] : [received.subarray(at)];
    this.#bytes = received.length - at;
  }

  #refusal(flags: number): WireFailure {
    if (flags !== 0) return brokenAnswer("a message is compressed in a way that was not asked for");
    return oversizeFailure(this.#url, this.#messageBytesMax);
  }
}
