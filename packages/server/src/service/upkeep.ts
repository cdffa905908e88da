import {
  type CallOptions,
  checkPositiveInteger,
  type HostedStore,
  type TrackedOperation,
  type VerifyReport,
} from "@kvts/common";
import { notOnDisk } from "./backups.ts";
import type { CheckpointFolder } from "./checkpoint-folder.ts";
import type { OperationRegistry } from "./operations.ts";

/** What takes long and changes no answer. Each answers at once, with an operation. */
export interface Upkeep {
  /** @param bytesPerSecond as many as the disk gives without it */
  verify(bytesPerSecond: number | undefined, options: Pick<CallOptions, "signal">): Promise<TrackedOperation>;
  /** @param name in the server's directory of checkpoints */
  checkpoint(name: string, options: Pick<CallOptions, "signal">): Promise<TrackedOperation>;
}

/** Most files and problems that a report of a verification lists. */
const listedMax = 1000;

const atOnce = (): boolean => true;

export function createUpkeep(
  store: HostedStore<Uint8Array>,
  operations: OperationRegistry,
  folder: CheckpointFolder,
): Upkeep {
  return {
    async verify(bytesPerSecond, { signal }) {
      if (bytesPerSecond !== undefined) checkPositiveInteger(bytesPerSecond, "bytesPerSecond");
      if (store.verify === undefined) throw notOnDisk();
      const { verify } = store;
      return await operations.start(
        "verify",
        async ({ progress, closing }) =>
          shortened(
            await verify.call(store, {
              bytesPerSecond,
              signal: closing,
              onProgress: ({ bytesDone, bytesTotal, file }) => progress({ phase: file, bytesDone, bytesTotal }),
            }),
          ),
        atOnce,
        signal,
      );
    },
    async checkpoint(name, { signal }) {
      if (store.checkpoint === undefined) throw notOnDisk();
      const { checkpoint } = store;
      const path = folder.pathOf(name);
      const work = ({ closing }: { readonly closing: AbortSignal }) =>
        checkpoint.call(store, path, { signal: closing });
      return await operations.start("checkpoint", work, atOnce, signal);
    },
  };
}

/** Without the files that are sound: large stores have very many, and an answer has to fit a message. */
function shortened(report: VerifyReport): VerifyReport {
  const problems = report.problems.slice(0, listedMax);
  return {
    ...report,
    files: report.files.filter(({ state }) => state !== "sound").slice(0, listedMax),
    problems,
    problemsOmitted: report.problemsOmitted + report.problems.length - problems.length,
  };
}
