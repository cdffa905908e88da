import type { FileReading } from "../env/file-system.ts";
import type { Erasure } from "../erase/erasure.ts";
import { parseFileName } from "../format/filenames.ts";
import type { Horizon, Policy } from "../retention/horizon.ts";
import { latestHorizons } from "../retention/horizons.ts";
import { salvageManifest } from "./reader.ts";
import { readWholeFile } from "./whole-file.ts";

/**
 * What damaged manifests still tell: every edit that is whole was meant once, and these numbers never go down, so that
 * whatever goes on above them does not use any twice.
 */
export interface LeastNumbers {
  readonly nextFileNumber: number;
  readonly lastSeq: number;
  readonly lastAssigned: number;
  /** The policies that were told last: with them history goes on being cut as it was. */
  readonly policies: readonly Policy[];
  readonly horizons: readonly Horizon[];
  /** All that were told of, ascending by seq. One that had come to its end by then has nothing left to hide. */
  readonly erasures: readonly Erasure[];
}

/** Looks into every manifest of a directory. @throws UNIMPLEMENTED for one that a newer kvts wrote */
export function findLeastNumbers(fileSystem: FileReading, directory: string): LeastNumbers {
  let least: LeastNumbers = {
    nextFileNumber: 0,
    lastSeq: 0,
    lastAssigned: 0,
    policies: [],
    horizons: [],
    erasures: [],
  };
  for (const name of fileSystem.list(directory)) {
    const file = parseFileName(name);
    if (file?.kind !== "manifest") continue;
    const path = `${directory}/${name}`;
    for (const { edit } of salvageManifest(readWholeFile(fileSystem, path), file.number, path)) {
      least = {
        nextFileNumber: Math.max(least.nextFileNumber, edit.nextFileNumber ?? 0),
        lastSeq: Math.max(least.lastSeq, edit.seqCeiling ?? 0, edit.closed?.lastSeq ?? 0),
        lastAssigned: Math.max(least.lastAssigned, edit.timestampCeiling ?? 0, edit.closed?.lastAssigned ?? 0),
        policies: edit.policies ?? least.policies,
        horizons: latestHorizons([least.horizons, edit.horizons ?? []]),
        erasures: together(least.erasures, edit.erasures ?? []),
      };
    }
  }
  return least;
}

function together(known: readonly Erasure[], told: readonly Erasure[]): readonly Erasure[] {
  const bySeq = new Map([...known, ...told].map((erasure) => [erasure.seq, erasure]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
