import { corruption } from "../format/corruption.ts";
import { LOG_START, type LogPosition } from "../wal/format.ts";
import { type Frame, frameMark, frameStart } from "../wal/frame.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import { isAfter } from "../wal/segment-reader.ts";
import type { Findings } from "./findings.ts";

/** Looks into the whole frames of a log, in order: their operations, seqs and marks. */
export class FrameCheck {
  /** By path: operations in the segment. */
  readonly operations: Map<string, number> = new Map();
  /** Seq of the first operation; undefined before there is one. */
  firstSeq: number | undefined;
  readonly #seqCeiling: number;
  readonly #findings: Pick<Findings, "add">;
  readonly #cursor: OperationCursor = new OperationCursor();
  #mark: LogPosition = LOG_START;

  /** @param seqCeiling no operation has a greater seq. */
  constructor(seqCeiling: number, findings: Pick<Findings, "add">) {
    this.#seqCeiling = seqCeiling;
    this.#findings = findings;
  }

  /** @throws CORRUPTION where the operations make no sense; UNIMPLEMENTED for what a newer kvts wrote */
  take(frame: Frame): void {
    const cursor = this.#cursor.open(frame);
    while (cursor.next());
    const { file, operationCount } = frame;
    this.firstSeq ??= frame.firstSeq;
    this.operations.set(file, (this.operations.get(file) ?? 0) + operationCount);
    const start = frameStart(frame);
    const lastSeq = frame.firstSeq + operationCount - 1;
    if (lastSeq > this.#seqCeiling) {
      const problem = `it has seq ${lastSeq}, and none above ${this.#seqCeiling} was given out`;
      this.#findings.add(corruption(file, start.offset, problem));
    }
    this.#checkMark(frame, start);
  }

  /** What was on disk when the frame was written came before it, and did not become less. */
  #checkMark(frame: Frame, start: LogPosition): void {
    const mark = frameMark(frame);
    if (isAfter(mark, start)) {
      this.#findings.add(corruption(frame.file, start.offset, "its mark lies behind it"));
    } else if (isAfter(this.#mark, mark)) {
      this.#findings.add(corruption(frame.file, start.offset, "its mark lies before that of an earlier frame"));
    } else this.#mark = mark;
  }
}
