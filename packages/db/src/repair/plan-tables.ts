import type { ManifestState } from "../manifest/state.ts";
import { differingField, tableMeta } from "../manifest/table-meta.ts";
import { chooseTables, type TableChoice } from "./choose-tables.ts";
import type { ExaminedTable } from "./examine-tables.ts";

/** What is to be done about a table. */
export interface TablePlan {
  readonly number: number;
  readonly action:
    | "keep"
    /** What can be read of it goes into a new table. */
    | "rewrite"
    | "set aside"
    /** There is no such file. */
    | "miss";
  /** The level that it was in, or was written for. */
  readonly level: number;
  /** Undefined where nobody had to look into it. */
  readonly table: ExaminedTable | undefined;
  /** Whether it held something that the store needs. */
  readonly isNeeded: boolean;
  readonly reason: string | undefined;
}

/** With a sound manifest: what it names counts, the files `others` do not. */
export function planByManifest(
  state: ManifestState,
  examined: ReadonlyMap<number, ExaminedTable>,
  others: readonly number[],
): TablePlan[] {
  const named = state.tables.map(({ level, meta }): TablePlan => {
    const { number } = meta;
    const table = examined.get(number);
    if (table === undefined) {
      const reason = "the manifest names it, and it is not there";
      return { number, action: "miss", level, table, isNeeded: true, reason };
    }
    const { properties, fileBytes } = table;
    const differing = properties && differingField(tableMeta(properties, fileBytes), meta);
    return differing === undefined
      ? planOf(table, level)
      : asideOf(table, level, true, `the manifest describes another table (${differing} differs)`);
  });
  const aside = others.map((number): TablePlan => {
    const reason = "the manifest does not name it";
    return { number, action: "set aside", level: 0, table: undefined, isNeeded: false, reason };
  });
  return [...named, ...aside];
}

const REASONS: { readonly [choice in Exclude<TableChoice, "use">]: string } = {
  replaced: "the tables that replace it are there",
  partial: "other tables of the same restore are missing, so that it had not come to its end",
  unfinished: "the merge that wrote it had not come to its end, and what it was made from is there",
};

/** Without one: what the tables' footers tell. */
export function planByFooters(examined: readonly ExaminedTable[]): TablePlan[] {
  const choices = chooseTables(
    examined.map(({ number, properties, problem }) => ({
      number,
      provenance: properties?.provenance,
      ingestSeq: properties?.stamp?.seq,
      isSound: problem === undefined,
    })),
  );
  return examined.map((table) => {
    const choice = choices.get(table.number)!;
    const level = table.properties?.level ?? 0;
    if (choice !== "use") return asideOf(table, level, false, REASONS[choice]);
    // A table that was being written when the machine stopped looks like one that was damaged later.
    return table.properties === undefined
      ? asideOf(table, level, true, `${table.problem}; if it was still being written, nothing is lost with it`)
      : planOf(table, level);
  });
}

function planOf(table: ExaminedTable, level: number): TablePlan {
  const { number, properties, problem } = table;
  if (problem !== undefined && properties === undefined) return asideOf(table, level, true, problem);
  const action = problem === undefined ? "keep" : "rewrite";
  return { number, action, level, table, isNeeded: true, reason: problem };
}

function asideOf(table: ExaminedTable, level: number, isNeeded: boolean, reason: string): TablePlan {
  return { number: table.number, action: "set aside", level, table, isNeeded, reason };
}
