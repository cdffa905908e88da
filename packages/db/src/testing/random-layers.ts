import { KIND_DELETE, KIND_PUT, KIND_RETRACT } from "../format/version-record.ts";
import { type KeyPool, randomKeyPool } from "./key-pool.ts";
import { LayeredStore } from "./layered-store.ts";
import type { WrittenVersion } from "./memtable-writer.ts";
import { Model, type ModelOperation } from "./model.ts";
import type { Random } from "./random.ts";
import { randomTimestamps } from "./random-operations.ts";

/** Versions spread over layers, and the model that holds the same. */
export interface RandomLayers {
  readonly store: LayeredStore;
  readonly model: Model;
  readonly pool: KeyPool;
  readonly timestamps: readonly number[];
  /** Numbers of the tables. */
  readonly tables: readonly number[];
}

const VALUE_BYTES: readonly number[] = [0, 20, 500, 4000, 9000];

/**
 * Random versions, retracts among them, in a random one of several layers each, some in two: which layer a version lies
 * in never decides what is read. Only memory holds the newest, as it does in a store.
 */
export function randomLayers(random: Random): RandomLayers {
  const pool = randomKeyPool(random, random.chance(0.05));
  const timestamps = randomTimestamps(random);
  const versions = randomVersions(random, pool, timestamps, random.pick([20, 100, 300]));
  const store = new LayeredStore();
  const inTables = Math.floor(versions.length * random.pick([0.5, 0.9, 1]));
  const tables = addTables(random, store, versions.slice(0, inTables));
  for (const part of spread(random, versions.slice(inTables), 3)) store.addMemtable(part);
  const model = new Model();
  for (const version of versions) model.commit([modelOperation(version)], version.seq);
  return { store, model, pool, timestamps, tables };
}

function addTables(random: Random, store: LayeredStore, versions: readonly WrittenVersion[]): number[] {
  const levels = spread(random, versions, 4);
  return levels.flatMap((part, level) => {
    // Level 0 may overlap; below it a table has keys of its own.
    const parts = level === 0 ? spread(random, part, random.between(1, 6)) : byKey(random, part);
    return parts.filter(({ length }) => length > 0).map((table) => store.addTable(level, table));
  });
}

/** `parts` parts, each version in one of them or two. */
function spread(random: Random, versions: readonly WrittenVersion[], parts: number): WrittenVersion[][] {
  const all = Array.from({ length: parts }, (): WrittenVersion[] => []);
  for (const version of versions) {
    const first = random.below(parts);
    all[first]!.push(version);
    const second = random.below(parts);
    if (second !== first && random.chance(0.05)) all[second]!.push(version);
  }
  return all;
}

/** Parts with different keys. */
function byKey(random: Random, versions: readonly WrittenVersion[]): WrittenVersion[][] {
  const sorted = versions.toSorted((a, b) => Buffer.compare(a.key as Uint8Array, b.key as Uint8Array));
  const cut = sorted[random.below(sorted.length + 1)]?.key as Uint8Array | undefined;
  if (cut === undefined) return [sorted];
  const isBelow = ({ key }: WrittenVersion) => Buffer.compare(key as Uint8Array, cut) < 0;
  return [sorted.filter(isBelow), sorted.filter((version) => !isBelow(version))];
}

function randomVersions(random: Random, pool: KeyPool, timestamps: readonly number[], count: number): WrittenVersion[] {
  return Array.from({ length: count }, (_, i) => {
    const version = { key: random.pick(pool.keys), timestamp: random.pick(timestamps), seq: i * 3 + 1 };
    if (random.chance(0.35)) return { ...version, kind: random.pick([KIND_DELETE, KIND_RETRACT]) };
    return { ...version, kind: KIND_PUT, value: random.bytes(random.pick(VALUE_BYTES)) };
  });
}

function modelOperation({ key, timestamp, kind, value }: WrittenVersion): ModelOperation {
  const bytes = key as Uint8Array;
  if (kind === KIND_PUT) return { op: "put", key: bytes, value: value!, timestamp };
  return { op: kind === KIND_DELETE ? "delete" : "retract", key: bytes, timestamp };
}
