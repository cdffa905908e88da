/** One line of a file. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without the newline; `undefined` where the line is longer than allowed, and was skipped over. */
  readonly bytes: Uint8Array | undefined;
  /** False for a last line that no newline ends. */
  readonly ended: boolean;
}

const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines. Memory is bounded by the longest line allowed and one chunk.
 * @returns the lines of each chunk together; some chunks complete none
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, lineBytesMax: number): AsyncGenerator<Line[]> {
  const open = new OpenLine(lineBytesMax);
  let number = 1;
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      open.add(chunk.subarray(from, at));
      lines.push({ number, bytes: contentOf(open.take(), number), ended: true });
      number++;
      from = at + 1;
    }
    open.add(chunk.subarray(from));
    yield lines;
  }
  if (!open.empty) yield [{ number, bytes: contentOf(open.take(), number), ended: false }];
}

const byteOrderMark = Buffer.from("\ufeff");

/** A byte order mark is no part of the first line. */
function contentOf(bytes: Uint8Array | undefined, number: number): Uint8Array | undefined {
  if (number !== 1 || bytes === undefined) return bytes;
  return byteOrderMark.equals(bytes.subarray(0, byteOrderMark.length)) ? bytes.subarray(byteOrderMark.length) : bytes;
}

/** The pieces of a line whose end has not been seen. */
class OpenLine {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get empty(): boolean {
    return this.#length === 0;
  }

  add(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length <= this.#bytesMax) this.#pieces.push(piece);
    else this.#pieces = [];
  }

  /** The whole line, or `undefined` when it is too long; the next piece begins another. */
  take(): Uint8Array | undefined {
    const [pieces, length] = [this.#pieces, this.#length];
    this.#pieces = [];
    this.#length = 0;
    if (length > this.#bytesMax) return undefined;
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length);
  }
}
