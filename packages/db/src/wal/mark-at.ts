import { joinWords } from "../format/version-record.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import type { OperationCursor } from "./operation-cursor.ts";

/** The range mark that the cursor stands on, in memory of its own. No bytes in place of the end stand for no end. */
export function markAt(c: OperationCursor): RangeMark {
  const startByte = c.keyWord * 4;
  const endByte = c.valueWord * 4;
  const seq = joinWords(c.seqHi, c.seqLo);
  return {
    kind: "delete",
    start: new Uint8Array(c.u8.subarray(startByte, startByte + c.keyLength)),
    end: c.valueLength === 0 ? undefined : new Uint8Array(c.u8.subarray(endByte, endByte + c.valueLength)),
    timestamp: joinWords(c.tsHi, c.tsLo),
    seq,
    boundsSeq: seq,
  };
}
