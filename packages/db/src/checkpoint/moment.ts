import type { Version } from "../manifest/version.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import type { LogPosition } from "../wal/format.ts";

/** A store between two commit groups: what it holds lies in these tables and range marks and this much of the log, and nowhere else. */
export interface StoreMoment {
  /** Held until {@link release}, so that no table goes. */
  readonly version: Version;
  readonly numbers: StoreNumbers;
  /** Segments with what is in no table, ascending; they stay until {@link release}. */
  readonly logs: readonly number[];
  /** Where the log ends: between two frames. */
  readonly logEnd: LogPosition;
  /** The last seq published, and the last timestamp assigned. */
  readonly lastSeq: number;
  readonly lastAssigned: number;
  /** All range marks, ascending by seq. */
  readonly marks: readonly RangeMark[];
  release(): void;
}
