import { conflictAt, type EncodedPrecondition, judgeCondition, type KvtsError } from "@kvts/common";
import { MISS } from "../format/version-run.ts";
import type { FoundNewest, NewestLookup } from "../read/newest-lookup.ts";
import type { CommitGroup } from "./commit-group.ts";
import { keyText, type UnpublishedVersion } from "./group-index.ts";

/** What is to be judged. */
export interface Judgement {
  readonly preconditions: readonly EncodedPrecondition[];
  /**
   * The lowest timestamp that the write puts at a key; undefined for a key that it does not write.
   * @param text `keyText` of the key
   */
  lowestWritten(key: Uint8Array, text: string): number | undefined;
  /** Microseconds: the clock that decides about expiry. */
  readonly moment: number;
}

/** What conditions are judged against: everything published, and the groups that are not, oldest first. */
export interface JudgedState {
  readonly publishedSeq: number;
  readonly unpublished: readonly CommitGroup[];
  readonly lookup: NewestLookup;
}

/** How a judgement ends. */
export type Verdict =
  /** Every condition holds, thanks to writes of these groups among others. */
  | { readonly kind: "holds"; readonly premises: readonly CommitGroup[] }
  /** One does not, because of a write of `group`, or of what is published where that is undefined. */
  | { readonly kind: "refused"; readonly conflict: KvtsError; readonly group: CommitGroup | undefined }
  /** Blocks are missing; load them, and judge again. */
  | { readonly kind: "missing" };

/** Judges the conditions of a write in one step. The groups' indexes are up to date. */
export function judge({ preconditions, lowestWritten, moment }: Judgement, state: JudgedState): Verdict {
  const premises: CommitGroup[] = [];
  for (const [index, { key, condition }] of preconditions.entries()) {
    const text = keyText(key);
    const newest = newestOf(key, text, state);
    if (newest === MISS) continue;
    const { version, groups } = newest;
    const conflict = judgeCondition(condition, version && seenAt(version, moment), lowestWritten(key, text));
    if (conflict === undefined) {
      premises.push(...groups);
    } else if (!state.lookup.lacksBlocks) {
      return { kind: "refused", conflict: conflictAt(conflict, index, preconditions.length), group: latest(groups) };
    }
  }
  return state.lookup.lacksBlocks ? { kind: "missing" } : { kind: "holds", premises };
}

interface Newest {
  readonly version: FoundNewest | undefined;
  /** The groups that have a part in it. */
  readonly groups: readonly CommitGroup[];
}

/** The version rule over both: an unpublished retract hides its timestamp, and the version before it counts. */
function newestOf(key: Uint8Array, text: string, state: JudgedState): Newest | typeof MISS {
  const { publishedSeq, unpublished, lookup } = state;
  let asOf: number | undefined;
  const groups: CommitGroup[] = [];
  for (;;) {
    const stored = lookup.find(key, asOf, publishedSeq);
    if (stored === MISS) return MISS;
    const later = newestUnpublished(key, text, asOf, unpublished);
    if (later === undefined || (stored !== undefined && isNewer(stored, later.version))) {
      return { version: stored, groups };
    }
    groups.push(later.group);
    if (!later.version.isRetract) return { version: later.version, groups };
    if (later.version.timestamp === 0) return { version: undefined, groups };
    asOf = later.version.timestamp - 1;
  }
}

function newestUnpublished(
  key: Uint8Array,
  text: string,
  asOf: number | undefined,
  groups: readonly CommitGroup[],
): { readonly version: UnpublishedVersion; readonly group: CommitGroup } | undefined {
  let newest: { version: UnpublishedVersion; group: CommitGroup } | undefined;
  for (const group of groups) {
    const version = group.index.newest(key, text, asOf);
    if (version !== undefined && (newest === undefined || isNewer(version, newest.version)))
      newest = { version, group };
  }
  return newest;
}

/** The one that is published last. */
function latest(groups: readonly CommitGroup[]): CommitGroup | undefined {
  return groups.reduce<CommitGroup | undefined>((last, group) => {
    return last === undefined || group.firstSeq > last.firstSeq ? group : last;
  }, undefined);
}

function isNewer(a: FoundNewest, b: FoundNewest): boolean {
  return a.timestamp === b.timestamp ? a.seq > b.seq : a.timestamp > b.timestamp;
}

function seenAt({ timestamp, seq, isTombstone, expiresAt }: FoundNewest, moment: number) {
  const deleted = isTombstone || (expiresAt !== undefined && expiresAt <= moment);
  return { timestamp, seq, deleted };
}
