import { Buffer } from "node:buffer";
import { type EncodedPrecondition, encodeKey, type Operation, rangeOf, type WriteResult } from "@kvts/common";
import { crc32 } from "../format/checksum.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import { RangeMarks } from "../marks/range-marks.ts";
import type { Requests } from "../requests/requests.ts";
import type { CommitGroup } from "./commit-group.ts";
import { keyText } from "./group-index.ts";
import { type JudgedState, type Judgement, judge } from "./judge.ts";

const KEY = new KeyBuffer();

/** A write with a request id or conditions, whose batch is open in its group. */
export interface Arrival extends Judgement {
  readonly group: CommitGroup;
  readonly requestId: string | undefined;
  /** What it will answer, microseconds. */
  readonly timestamp: number;
  /** The timestamp of its operations that came without one; undefined where all came with one. */
  readonly assigned: number | undefined;
}

/** The answer to an arrival that is to be carried out. */
export const ADMITTED = "admitted";

/** Decides which writes are carried out: not those that have been already, nor those whose conditions do not hold. */
export class Admission {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Makes groups ready to be judged by. No batch is open in any. */
  index(groups: readonly CommitGroup[]): void {
    for (const group of groups) group.index.extend(group.encoder, group.firstSeq);
  }

  /**
   * What becomes of a write: ADMITTED, what its caller gets in place of that, or undefined where blocks are missing.
   * A write that was carried out before is not judged again: its own first time may have made the conditions false.
   * @param state for the conditions; undefined where there are none
   * @throws INVALID_ARGUMENT for a request id that named something else
   */
  answer(arrival: Arrival, state: JudgedState | undefined): typeof ADMITTED | Promise<WriteResult> | undefined {
    const known = this.#known(arrival);
    if (known !== undefined) return known;
    if (state === undefined) return ADMITTED;
    const verdict = judge(arrival, state);
    switch (verdict.kind) {
      case "missing":
        return undefined;
      case "refused":
        return verdict.group === undefined ? Promise.reject(verdict.conflict) : verdict.group.refuse(verdict.conflict);
      case "holds":
        for (const premise of verdict.premises) if (premise !== arrival.group) arrival.group.premises.add(premise);
        return ADMITTED;
    }
  }

  #known({ group, requestId, timestamp, assigned, preconditions, moment }: Arrival): Promise<WriteResult> | undefined {
    if (requestId === undefined) return undefined;
    const { encoder } = group;
    encoder.answer(timestamp, assigned, checksumOf(preconditions));
    const known = this.#requests.find(requestId, encoder.fingerprintHi, encoder.fingerprintLo, moment);
    if (known === undefined) return undefined;
    const { group: under, ...answer } = known;
    return under === undefined ? Promise.resolve(answer) : under.wait(answer.timestamp, answer.seq);
  }
}

/** Conditions belong to a write's content. 0 for none. */
function checksumOf(preconditions: readonly EncodedPrecondition[]): number {
  let checksum = 0;
  for (const { key, condition } of preconditions) {
    checksum = crc32(key, crc32(Buffer.from(JSON.stringify(condition)), checksum));
  }
  return checksum;
}

/** Of a write of one operation, whose conditions are on its own key. Made here, so that other writes need no closure. */
export function sameTimestamp(timestamp: number): () => number {
  return () => timestamp;
}

/** The lowest timestamp that a batch writes at a key, by itself or with the range that it is in. */
export function lowestTimestamps(
  operations: readonly Operation[],
  assigned: number,
): (key: Uint8Array, text: string) => number | undefined {
  let lowest: LowestTimestamps | undefined;
  return (key, text) => {
    lowest ??= collect(operations, assigned);
    const own = lowest.byKey.get(text) ?? Number.POSITIVE_INFINITY;
    KEY.setBytes(key);
    const least = Math.min(own, lowest.ranges.nextTimestamp(KEY, 0, NUMBER_MAX));
    return least === Number.POSITIVE_INFINITY ? undefined : least;
  };
}

interface LowestTimestamps {
  /** By {@link keyText}. */
  readonly byKey: Map<string, number>;
  readonly ranges: RangeMarks;
}

function collect(operations: readonly Operation[], assigned: number): LowestTimestamps {
  const byKey = new Map<string, number>();
  const ranges: RangeMark[] = [];
  for (const operation of operations) {
    const timestamp = typeof operation.timestamp === "number" ? operation.timestamp : assigned;
    if (operation.op === "deleteRange") {
      const seq = ranges.length + 1;
      ranges.push({ kind: "delete", ...rangeOf(operation), timestamp, seq, boundsSeq: seq });
      continue;
    }
    const text = keyText(encodeKey(operation.key));
    byKey.set(text, Math.min(timestamp, byKey.get(text) ?? timestamp));
  }
  return { byKey, ranges: RangeMarks.of(ranges) };
}
