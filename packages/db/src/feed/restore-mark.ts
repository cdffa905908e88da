import type { ResolvedRange } from "@kvts/common";

/** A restore that was put in place as tables: no log holds it, and the manifest keeps what the change feed tells of it. */
export interface RestoreMark {
  readonly seq: number;
  /** Of all that it wrote, microseconds. */
  readonly timestamp: number;
  readonly range: ResolvedRange;
  /** The moment that was gone back to, microseconds. */
  readonly to: number;
}

/** The marks that the feed still leads to: it begins behind `afterSeq`. Ascending. */
export function marksAfter(marks: readonly RestoreMark[], afterSeq: number): readonly RestoreMark[] {
  return marks.filter(({ seq }) => seq > afterSeq);
}
