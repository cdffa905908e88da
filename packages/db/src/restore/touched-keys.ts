import type { ResolvedRange } from "@kvts/common";
import { compareBytes } from "@kvts/common";
import { compareKeys, KeyBuffer } from "../format/key-buffer.ts";
import type { Frame } from "../wal/frame.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import { keyName } from "./operation.ts";

/**
 * Keys of a range that are written to while a restore is under way: what it has found out about them no longer holds.
 * Told of every group in the step in which that is published.
 */
export class TouchedKeys {
  readonly #start: KeyBuffer = new KeyBuffer();
  readonly #end: KeyBuffer | undefined;
  readonly #cursor: OperationCursor = new OperationCursor();
  #keys: Map<string, Uint8Array> = new Map();

  constructor({ start, end }: ResolvedRange) {
    this.#start.setBytes(start);
    if (end === undefined) return;
    this.#end = new KeyBuffer();
    this.#end.setBytes(end);
  }

  get count(): number {
    return this.#keys.size;
  }

  notice(frame: Frame): void {
    const cursor = this.#cursor.open(frame);
    while (cursor.next()) {
      const { i32, keyWord, keyLength } = cursor;
      if (!this.#isInRange(i32, keyWord, keyLength)) continue;
      const key = cursor.u8.slice(keyWord * 4, keyWord * 4 + keyLength);
      this.#keys.set(keyName(key), key);
    }
  }

  /** All of them so far, in order, each once; from here on it begins anew. */
  take(): Uint8Array[] {
    const keys = [...this.#keys.values()].sort(compareBytes);
    this.#keys = new Map();
    return keys;
  }

  #isInRange(i32: Int32Array, word: number, length: number): boolean {
    const start = this.#start;
    if (compareKeys(i32, word, length, start.i32, 0, start.length) < 0) return false;
    const end = this.#end;
    return end === undefined || compareKeys(i32, word, length, end.i32, 0, end.length) < 0;
  }
}
