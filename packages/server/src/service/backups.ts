import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointReport, type HostedStore, KvtsError, throwIfAborted } from "@kvts/common";
import type { CheckpointFolder } from "./checkpoint-folder.ts";

/** A piece of a backup, in the order in which they come. */
export type BackupPart =
  | { readonly kind: "file"; readonly name: string; readonly bytes: number }
  | { readonly kind: "data"; readonly data: Uint8Array }
  | {
      readonly kind: "end";
      readonly files: number;
      readonly bytes: number;
      readonly seq: number;
      readonly incarnation: string;
    };

export interface Backups {
  /**
   * A copy of the store, file by file. Whoever begins to read it has to read on to its end, or return.
   * @throws where it is read: OVERLOADED, UNIMPLEMENTED, what making a checkpoint throws
   */
  backup(signal: AbortSignal): AsyncGenerator<BackupPart>;
}

const pieceBytes = 256 * 1024;
/** Each keeps what has been replaced meanwhile on the disk. */
const backupsMax = 4;

/** A backup is a checkpoint that is sent and then removed, so that it takes hardly any room beside the store. */
export function createBackups(store: HostedStore<Uint8Array>, folder: CheckpointFolder): Backups {
  let underWay = 0;
  return {
    async *backup(signal) {
      const { checkpoint } = store;
      if (checkpoint === undefined) throw notOnDisk();
      if (underWay >= backupsMax) {
        throw new KvtsError(
          "OVERLOADED",
          `the server sends ${backupsMax} backups already, the most that it may; try again later`,
          { details: { limit: backupsMax } },
        );
      }
      const directory = folder.passingPath();
      underWay++;
      try {
        yield* partsOf(await checkpoint.call(store, directory, { signal }), signal);
      } finally {
        underWay--;
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

async function* partsOf(
  { directory, seq, incarnation }: CheckpointReport,
  signal: AbortSignal,
): AsyncGenerator<BackupPart> {
  let [files, bytes] = [0, 0];
  // CURRENT comes last: without it, what has come is no store.
  const names = (await readdir(directory)).filter((name) => name !== "LOCK").sort(currentLast);
  for (const name of names) {
    const path = join(directory, name);
    const { size } = await stat(path);
    yield { kind: "file", name, bytes: size };
    yield* contentsOf(path, signal);
    files++;
    bytes += size;
  }
  yield { kind: "end", files, bytes, seq, incarnation };
}

async function* contentsOf(path: string, signal: AbortSignal): AsyncGenerator<BackupPart> {
  const file = await open(path);
  try {
    for (;;) {
      throwIfAborted(signal);
      // The one before may still be on its way.
      const buffer = new Uint8Array(pieceBytes);
      const { bytesRead } = await file.read(buffer, 0, pieceBytes);
      if (bytesRead === 0) return;
      yield { kind: "data", data: buffer.subarray(0, bytesRead) };
    }
  } finally {
    await file.close();
  }
}

function currentLast(a: string, b: string): number {
  return Number(a === "CURRENT") - Number(b === "CURRENT");
}

export function notOnDisk(): KvtsError {
  return new KvtsError(
    "UNIMPLEMENTED",
    "this server's store keeps nothing on disk; there is nothing to verify or copy",
  );
}
