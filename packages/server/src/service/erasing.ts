import type { CallOptions, EraseResult, EraseTarget, HostedStore, TrackedOperation } from "@kvts/common";
import type { OperationRegistry } from "./operations.ts";

export interface Erasing {
  /** Resolves once nothing of it shows any more; the bytes go meanwhile. */
  erase(target: EraseTarget, options: Pick<CallOptions, "signal">): Promise<TrackedOperation>;
  /** What `erase` would do. */
  countErased(target: EraseTarget, options: Pick<CallOptions, "signal">): Promise<EraseResult>;
}

/** @param checkpoints names of those that may hold what is erased */
export function createErasing(
  store: HostedStore<Uint8Array>,
  operations: OperationRegistry,
  checkpoints: () => Promise<readonly string[]>,
): Erasing {
  return {
    erase: (target, { signal }) =>
      operations.start(
        "erase",
        async ({ progress, hidden }) => {
          // A list that cannot be had is told before anything has happened.
          await checkpoints();
          const result = await store.erase(target, { onProgress: progress, onHidden: hidden });
          return { ...result, checkpoints: await checkpoints() };
        },
        ({ hiddenSeq }) => hiddenSeq !== undefined,
        signal,
      ),
    async countErased(target, { signal }) {
      const result = await store.erase(target, { dryRun: true, signal });
      return { ...result, checkpoints: await checkpoints() };
    },
  };
}
