import type { ResolvedRange } from "@kvts/common";
import type { KeyBuffer } from "../format/key-buffer.ts";
import { KIND_DELETE, KIND_MASK, META } from "../format/version-record.ts";
import type { VersionRun } from "../format/version-run.ts";
import type { Horizons } from "../retention/horizons.ts";
import { readTrimmed } from "../retention/trimmed.ts";
import { expiryAt, recordAt, timestampAt } from "./found-version.ts";

/**
 * The horizon of a key that is to be read at `asOf`.
 * @param asOf microseconds; undefined for the newest version, which is always kept
 * @throws HISTORY_TRIMMED
 */
export function floorOf(horizons: Horizons, key: KeyBuffer, asOf: number | undefined): number {
  const floor = horizons.of(key.i32, 0, key.length);
  if (asOf !== undefined && asOf < floor) throw readTrimmed(asOf, floor);
  return floor;
}

/** @throws HISTORY_TRIMMED where `asOf` lies below the horizon of any key that may stand in the range */
export function checkFloor(horizons: Horizons | undefined, range: ResolvedRange, asOf: number | undefined): void {
  if (horizons === undefined || asOf === undefined || asOf >= horizons.greatest) return;
  const floor = horizons.greatestIn(range);
  if (asOf < floor) throw readTrimmed(asOf, floor);
}

/**
 * Whether record `index` of `run`, the newest below the horizon where it is below, says no more than nothing would: such
 * versions are dropped, so that they must not show before either.
 */
export function isSpent(run: VersionRun, index: number, floor: number): boolean {
  if (timestampAt(run, index) >= floor) return false;
  const at = recordAt(run, index);
  if ((run.i32[at + META]! & KIND_MASK) === KIND_DELETE) return true;
  const expiry = expiryAt(run, at);
  return expiry !== undefined && expiry < floor;
}
