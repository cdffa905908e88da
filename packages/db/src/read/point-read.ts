import { compareKeys, type KeyBuffer } from "../format/key-buffer.ts";
import { ABSENT, type BlockDemand, FOUND, type Lookup, MISS } from "../format/version-run.ts";
import type { TableFile } from "../manifest/table-file.ts";
import type { RangeMarks } from "../marks/range-marks.ts";
import type { Table } from "../table/table.ts";
import type { BestVersion } from "./best-version.ts";
import type { Bounds } from "./bounds.ts";
import type { View } from "./view.ts";

/**
 * Finds the visible version of `key` within `bounds`: FOUND (a put or a delete, in `best`), ABSENT, or MISS, to be
 * repeated after loading what `demand` names.
 *
 * A layer is skipped only by its key range, its filter, or because its timestamps and seqs cannot beat the best version
 * found so far: with server-assigned timestamps that costs one comparison a table. Where keys have many versions the
 * fences tell that of a single block, which so need not be loaded.
 */
export function findPoint(
  view: View,
  key: KeyBuffer,
  bounds: Bounds,
  best: BestVersion,
  demand: BlockDemand<Table>,
): Lookup {
  return findIn(view, view.marks, key, bounds, best, demand);
}

/** The same as if there were no range marks: what was written to the key itself. */
export function findOwn(
  view: View,
  key: KeyBuffer,
  bounds: Bounds,
  best: BestVersion,
  demand: BlockDemand<Table>,
): Lookup {
  return findIn(view, undefined, key, bounds, best, demand);
}

function findIn(
  view: View,
  marks: RangeMarks | undefined,
  key: KeyBuffer,
  bounds: Bounds,
  best: BestVersion,
  demand: BlockDemand<Table>,
): Lookup {
  best.start(bounds, view.erasures?.seqMin(key.i32, 0, key.length) ?? 0);
  do {
    for (const { memtable } of view.memtables) {
      if (!best.couldImprove(memtable.minTimestamp, memtable.maxTimestamp, memtable.maxSeq)) continue;
      const lookup = memtable.locate(key, best.boundHi, best.boundLo, best.candidate);
      if (lookup === FOUND) best.offer(memtable, memtable, demand);
    }
    for (const level of view.version.levels) {
      if (!best.couldImprove(level.minTimestamp, level.maxTimestamp, level.maxSeq)) continue;
      if (level.overlapping) {
        for (const file of level.files) {
          const lookup = searchFile(file, key, best, demand);
          if (lookup === MISS) return MISS;
          if (lookup === FOUND) view.version.level0Probes++;
        }
      } else {
        const file = level.find(key);
        if (file !== undefined && searchFile(file, key, best, demand) === MISS) return MISS;
      }
    }
  } while (!best.settle(marks, key));
  return best.found ? FOUND : ABSENT;
}

function searchFile(file: TableFile, key: KeyBuffer, best: BestVersion, demand: BlockDemand<Table>): Lookup {
  const { meta, table } = file;
  if (!best.couldImprove(meta.minTimestamp, meta.maxTimestamp, meta.maxSeq)) return ABSENT;
  if (!table.isIndexed) {
    if (isOutside(file, key)) return ABSENT;
  } else if (!table.mayContain(key.hash)) return ABSENT;
  const lookup = table.locate(key, best.boundHi, best.boundLo, best.candidate, demand, best.tsHi, best.tsLo);
  return lookup === FOUND ? best.offer(table, table, demand) : lookup;
}

/** Whether a table's keys all lie above the key, or below it: then its filter need not be read. */
function isOutside({ meta, smallest, largest }: TableFile, { i32, length }: KeyBuffer): boolean {
  return (
    compareKeys(i32, 0, length, smallest, 0, meta.smallest.length) < 0 ||
    compareKeys(i32, 0, length, largest, 0, meta.largest.length) > 0
  );
}
