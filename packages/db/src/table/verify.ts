import { compareBytes } from "@kvts/common";
import { corruption } from "../format/corruption.ts";
import { compareKeys, hashKey } from "../format/key-buffer.ts";
import { META, META_EXTENT, TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import type { BlockView } from "./block.ts";
import type { BlockLoader } from "./block-loader.ts";
import { ContentsCounter } from "./contents-counter.ts";
import { FIRST_OF_GROUP } from "./fence-format.ts";
import type { KeyWords } from "./key-words.ts";
import type { TableContents } from "./properties.ts";
import type { Table } from "./table.ts";

/** See `Table.verify`. */
export async function verifyTable(table: Table, loader: BlockLoader): Promise<void> {
  const counter = new ContentsCounter();
  let last: KeyWords | undefined;
  for (let block = 0; block < table.fences.blockCount; block++) {
    const view = await loader.readAlone(block);
    const problem =
      counter.add(view, view.u8.length) ?? slotProblem(table, view) ?? fenceProblem(table, block, view, last);
    if (problem !== undefined) throw corruption(table.path, table.fences.offset(block), `${problem} does not hold`);
    await readExtents(table, view);
    last = keyOf(view, view.keyCount - 1);
  }
  const differing = differingProperty(table.properties, counter.contents());
  if (differing !== undefined) {
    throw corruption(table.path, table.fileBytes, `its properties are not those of its contents (${differing})`);
  }
}

function slotProblem(table: Table, view: BlockView): string | undefined {
  for (let slot = 0; slot < view.keyCount; slot++) {
    const { i32, word, length } = keyOf(view, slot);
    const hash = hashKey(i32, word, length);
    if (hash !== view.hash(slot)) return "a key's hash";
    if (view.prefixOf(slot) !== view.prefix(slot)) return "a key's prefix";
    if (!table.mayContain(hash)) return "the filter";
  }
  return undefined;
}

/**
 * A fence lies above the last key of the block before and not above its block's first key. Inside a group it is that
 * key, with the first record's timestamp.
 */
function fenceProblem(table: Table, block: number, view: BlockView, last: KeyWords | undefined): string | undefined {
  const separator = table.fences.separator(block);
  const order = compare(separator, keyOf(view, 0));
  const continued = view.continued;
  const tsHi = continued ? view.i32[view.recordsWord]! : FIRST_OF_GROUP;
  const tsLo = continued ? view.i32[view.recordsWord + TS_LO]! : FIRST_OF_GROUP;
  const above = continued || last === undefined || compare(last, separator) < 0;
  const sound = above && (continued ? order === 0 : order <= 0) && table.fences.agreesWith(block, tsHi, tsLo);
  return sound ? undefined : "a fence";
}

async function readExtents(table: Table, view: BlockView): Promise<void> {
  const run = new VersionRun();
  for (let slot = 0; slot < view.keyCount; slot++) {
    view.fillRun(run, 0, slot);
    for (let index = 0; index < run.count; index++) {
      const meta = run.i32[run.first + index * VERSION_WORDS + META]!;
      if ((meta & META_EXTENT) !== 0) await table.extentAt(run, index).read();
    }
  }
}

function differingProperty(claimed: TableContents, counted: TableContents): string | undefined {
  for (const name of Object.keys(counted) as (keyof TableContents)[]) {
    const a = claimed[name];
    const b = counted[name];
    const same = typeof a === "number" || typeof b === "number" ? a === b : compareBytes(a, b) === 0;
    if (!same) return name;
  }
  return undefined;
}

function keyOf(view: BlockView, slot: number): KeyWords {
  const word = view.keyWord(slot);
  return { i32: view.i32, word, length: view.i32[word - 1]! };
}

function compare(a: KeyWords, b: KeyWords): number {
  return compareKeys(a.i32, a.word, a.length, b.i32, b.word, b.length);
}
