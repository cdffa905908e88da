/** The bit of each dot of a braille character, by column, then row from the top. */
const bits = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

const blank = 0x2800;

/** A drawing in braille characters, each of them two dots wide and four high. */
export class Dots {
  /** In dots. */
  readonly width: number;
  readonly height: number;
  readonly #cells: Uint8Array;
  readonly #columns: number;

  /** @param columns in characters, as are `rows` */
  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.width = columns * 2;
    this.height = rows * 4;
    this.#cells = new Uint8Array(columns * rows);
  }

  /** The dots of column `x`, from the left, in rows `from` to `to`, from the top, both inclusive and in either order. */
  vertical(x: number, from: number, to: number): void {
    for (let y = Math.min(from, to); y <= Math.max(from, to); y++) {
      this.#cells[(y >> 2) * this.#columns + (x >> 1)]! |= bits[x & 1 ? 1 : 0][y & 3]!;
    }
  }

  /** The rows of characters, from the top; spaces at their ends left out. */
  lines(): string[] {
    const lines: string[] = [];
    for (let at = 0; at < this.#cells.length; at += this.#columns) {
      const cells = [...this.#cells.subarray(at, at + this.#columns)];
      lines.push(
        cells
          .map((cell) => (cell === 0 ? " " : String.fromCharCode(blank + cell)))
          .join("")
          .trimEnd(),
      );
    }
    return lines;
  }
}
