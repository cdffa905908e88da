import { TableFile } from "../manifest/table-file.ts";
import type { TableMeta } from "../manifest/table-meta.ts";
import type { Random } from "./random.ts";

/** What a manifest could say of table `number`, whose keys go from `smallest` to `largest`. */
export function testMeta(number: number, smallest: string, largest: string, more: Partial<TableMeta> = {}): TableMeta {
  return {
    number,
    fileBytes: 1000 + number,
    keyCount: 10,
    entryCount: 20,
    deleteCount: 3,
    retractCount: 2,
    rangeTombstoneCount: 1,
    rawBytes: 5000,
    smallest: bytes(smallest),
    largest: bytes(largest),
    minTimestamp: 100,
    maxTimestamp: 200,
    minSeq: number * 10,
    maxSeq: number * 10 + 9,
    minExpiresAt: undefined,
    maxExpiresAt: undefined,
    ...more,
  };
}

/** The same of a random table in level 0, where any keys will do. */
export function randomMeta(random: Random, number: number): TableMeta {
  const keys = [random.bytes(random.between(1, 40)), random.bytes(random.between(1, 40))].sort(Buffer.compare);
  const expires = random.chance(0.3);
  return testMeta(number, "", "", {
    smallest: keys[0]!,
    largest: keys[1]!,
    fileBytes: random.u32(),
    minSeq: random.below(1000),
    maxSeq: Number.MAX_SAFE_INTEGER - random.below(1000),
    minExpiresAt: expires ? 5 : undefined,
    maxExpiresAt: expires ? Number.MAX_SAFE_INTEGER : undefined,
  });
}

/** Stands for an open table where only the manifest matters; `unused` hears of it when no version names it any more. */
export function testTable(meta: TableMeta, unused: (file: TableFile<string>) => void = () => {}): TableFile<string> {
  return new TableFile(meta, `table ${meta.number}`, unused);
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
