import { compareBytes, utf8 } from "@kvts/common";
import type { WritableFile } from "../env/file-system.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import type { TableProperties, TableProvenance } from "../table/properties.ts";
import { TableBuilder, type TableBuilderOptions } from "../table/table-builder.ts";
import type { WrittenVersion } from "./memtable-writer.ts";
import { RunWriter } from "./run-writer.ts";

/** A key with its versions, ascending by (timestamp, seq). */
export interface WrittenGroup {
  readonly key: Uint8Array;
  readonly versions: readonly WrittenVersion[];
}

export const PROVENANCE: TableProvenance = {
  inputs: [],
  firstOutput: 1,
  isLastOutput: true,
  obsolete: [],
  logNumber: 1,
  nextSeq: 1,
  lastAssigned: 0,
  seqFloor: 0,
  incarnation: "test",
  horizons: [],
  erasedSeq: 0,
};

/** Sorts versions as tables hold them: by key, timestamp, seq. */
export function groupVersions(versions: readonly WrittenVersion[]): WrittenGroup[] {
  const groups = new Map<string, { key: Uint8Array; versions: WrittenVersion[] }>();
  for (const version of versions) {
    const key = typeof version.key === "string" ? utf8(version.key) : version.key;
    const name = Buffer.from(key).toString("latin1");
    const group = groups.get(name) ?? { key, versions: [] };
    groups.set(name, group);
    group.versions.push(version);
  }
  for (const group of groups.values()) {
    group.versions.sort((a, b) => a.timestamp - b.timestamp || a.seq - b.seq);
  }
  return [...groups.values()].sort((a, b) => compareBytes(a.key, b.key));
}

/** Writes groups as one table into `file`, `runLength` versions a run, every other run with packed values. */
export function writeTable(
  file: WritableFile,
  groups: readonly WrittenGroup[],
  options: Partial<TableBuilderOptions> = {},
  provenance: TableProvenance = PROVENANCE,
  runLength = 100,
): TableProperties {
  const builder = new TableBuilder(file, { fileNumber: 1, level: 0, compression: "none", ...options });
  const source = new RunWriter();
  const key = new KeyBuffer();
  let runs = 0;
  for (const group of groups) {
    key.setBytes(group.key);
    builder.startKey(key.i32, 0, key.length, key.hash);
    for (let from = 0; from < group.versions.length; from += runLength) {
      const versions = group.versions.slice(from, from + runLength);
      builder.addVersions(source.run(versions, runs++ % 2 === 0), 0, versions.length, source);
    }
  }
  return builder.finish(provenance);
}
