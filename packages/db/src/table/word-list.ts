/** A list of 32-bit words that grows and keeps its memory when cleared. */
export class WordList {
  i32: Int32Array<ArrayBuffer>;
  length = 0;

  constructor(capacityWords: number) {
    this.i32 = new Int32Array(capacityWords);
  }

  /** Room for `words` more; returns where they go. They are not part of the list yet. */
  reserve(words: number): number {
    const end = this.length + words;
    if (end > this.i32.length) {
      const grown = new Int32Array(Math.max(end, this.i32.length * 2));
      grown.set(this.i32.subarray(0, this.length));
      this.i32 = grown;
    }
    return this.length;
  }

  /** Adds `words` words with whatever they hold; returns the first one's index. */
  take(words: number): number {
    const at = this.reserve(words);
    this.length = at + words;
    return at;
  }

  push(word: number): void {
    const at = this.take(1);
    this.i32[at] = word;
  }

  /** Adds a copy of `words` words of `from`; none where `words` is not positive. */
  append(from: Int32Array, fromWord: number, words: number): void {
    if (words <= 0) return;
    const at = this.take(words);
    copyWords(from, fromWord, this.i32, at, words);
  }

  clear(): void {
    this.length = 0;
  }

  /** The list as a view, good until it changes. */
  view(): Int32Array<ArrayBuffer> {
    return this.i32.subarray(0, this.length);
  }
}

/** Above this many words the two views that a bulk copy needs cost less than a loop. */
const LOOP_WORDS_MAX = 96;

export function copyWords(from: Int32Array, fromWord: number, to: Int32Array, toWord: number, words: number): void {
  if (words > LOOP_WORDS_MAX) {
    to.set(from.subarray(fromWord, fromWord + words), toWord);
    return;
  }
  for (let i = 0; i < words; i++) to[toWord + i] = from[fromWord + i]!;
}
