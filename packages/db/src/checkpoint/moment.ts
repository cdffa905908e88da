import type { Version } from "../manifest/version.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import type { Recovered } from "../recovered.ts";
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

/**
 * Holds on to the store as it is; called between two commit groups.
 * @param counters the last seq published, and the last timestamp assigned
 * @param releaseLogs gives up the segments below the given one, held here no longer
 */
export function takeMoment(
  { layers, versions, logs }: Pick<Recovered, "layers" | "versions" | "logs">,
  counters: { readonly publishedSeq: number; readonly lastAssigned: number },
  releaseLogs: (oldest: number) => void,
): StoreMoment {
  const { numbers } = versions;
  // What its numbers say of the log holds for this version alone; reads may still see the one before.
  const version = versions.current.acquire();
  const unhold = logs.hold();
  return {
    version,
    numbers,
    logs: logs.segments.filter((number) => number >= numbers.logNumber),
    logEnd: logs.end,
    lastSeq: counters.publishedSeq,
    lastAssigned: counters.lastAssigned,
    marks: layers.marks.between(0, counters.publishedSeq),
    release: () => {
      version.release();
      unhold();
      releaseLogs(versions.numbers.logNumber);
    },
  };
}
