import type { VersionEdit } from "../manifest/version-edit.ts";
import { ManifestWriter } from "../manifest/writer.ts";
import { LOG_START } from "../wal/format.ts";
import type { LoggedBatch } from "./log-records.ts";
import type { MemoryFileSystem } from "./memory-file-system.ts";
import { TEST_DIRECTORY, TestLog } from "./test-log.ts";
import { testMeta } from "./test-tables.ts";

/** The store that docs/format.md shows byte by byte. */
export const GOLDEN_INCARNATION = "00112233445566778899aabbccddeeff";

export const GOLDEN_MANIFEST_NUMBER = 1;
export const GOLDEN_LOG_NUMBER = 3;

/** Two commit groups; the second holds two batches. */
export const GOLDEN_GROUPS: readonly (readonly LoggedBatch[])[] = [
  [{ operations: [{ kind: "put", key: "a", value: "value1", timestamp: 100 }] }],
  [
    {
      requestId: "r1",
      operations: [
        { kind: "put", key: "b", value: "v", timestamp: 100, expiresAt: 200 },
        { kind: "delete", key: "b", timestamp: 150 },
      ],
    },
    { operations: [{ kind: "retract", key: "a", timestamp: 100 }] },
  ],
];

const TABLE = testMeta(4, "a", "b", {
  fileBytes: 504,
  keyCount: 2,
  entryCount: 4,
  deleteCount: 1,
  retractCount: 0,
  rangeTombstoneCount: 0,
  rawBytes: 208,
  minTimestamp: 100,
  maxTimestamp: 150,
  minSeq: 1,
  maxSeq: 4,
  minExpiresAt: 200,
  maxExpiresAt: 200,
});

/** A new store, its first flush, the table's move to level 1, and an orderly close. */
export const GOLDEN_EDITS: readonly VersionEdit[] = [
  {
    incarnation: GOLDEN_INCARNATION,
    nextFileNumber: 1003,
    logNumber: 0,
    seqCeiling: 0,
    timestampCeiling: 0,
    seqFloor: 0,
  },
  { logNumber: GOLDEN_LOG_NUMBER, seqCeiling: 1_000_000, timestampCeiling: 1_000_000 },
  { logNumber: 5, added: [{ level: 0, meta: TABLE }] },
  { removed: [4], added: [{ level: 1, meta: TABLE }] },
  { closed: { lastSeq: 4, lastAssigned: 150 } },
];

/** Writes the log's one segment, each group synced. */
export async function writeGoldenLog(fileSystem: MemoryFileSystem): Promise<void> {
  const log = await TestLog.start(fileSystem, LOG_START, {
    incarnation: GOLDEN_INCARNATION,
    firstNumber: GOLDEN_LOG_NUMBER,
    growthBytes: 0,
    sparesMax: 0,
  });
  for (const batches of GOLDEN_GROUPS) {
    await log.append(...batches);
    await log.writer.sync();
  }
  await log.writer.close();
}

export async function writeGoldenManifest(fileSystem: MemoryFileSystem): Promise<void> {
  const [snapshot, ...edits] = GOLDEN_EDITS;
  const writer = await ManifestWriter.create(fileSystem, TEST_DIRECTORY, GOLDEN_MANIFEST_NUMBER, {
    ...snapshot,
    incarnation: GOLDEN_INCARNATION,
  });
  for (const edit of edits) await writer.append(edit);
  writer.close();
}
