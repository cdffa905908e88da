import type { Sink } from "./sink.ts";

/** How much text is gathered before it is written: large enough to make calls rare, small enough to appear at once. */
const gatheredCharsMax = 64 * 1024;

/** Writes lines to a sink in pieces, waiting where the sink is slow. */
export class LineWriter {
  readonly #sink: Sink;
  #gathered = "";

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Adds a line. What is returned, where anything is, is to be awaited before the next. */
  line(text: string): Promise<void> | undefined {
    if (text.length < gatheredCharsMax) {
      this.#gathered += `${text}\n`;
      return this.#gathered.length < gatheredCharsMax ? undefined : this.flush();
    }
    // A long line is written on its own: joined to others it could pass the longest string there can be.
    return this.flush()
      .then(() => this.#sink(Buffer.from(text)))
      .then(() => this.#sink(newline));
  }

  /** Writes what is gathered. Called once more at the end. */
  async flush(): Promise<void> {
    const text = this.#gathered;
    this.#gathered = "";
    if (text !== "") await this.#sink(Buffer.from(text));
  }
}

const newline = Buffer.from("\n");
