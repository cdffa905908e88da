import type { ErrorCode, ErrorDetails } from "./errors.ts";
import type { EraseResult } from "./store.ts";
import type { CheckpointReport, VerifyReport } from "./upkeep.ts";

/** What each kind of tracked operation results in. */
export interface OperationResults {
  readonly erase: EraseResult;
  readonly checkpoint: CheckpointReport;
  /** Of its files those that are not sound, the first of them and of its problems. */
  readonly verify: VerifyReport;
}

export type OperationKind = keyof OperationResults;

export type OperationState = "running" | "succeeded" | "failed";

/** How far an operation has come. */
export interface OperationProgress {
  /** What it is at, by its kind. */
  readonly phase: string;
  /** Bytes of files: those that it sees to, and those that it has seen to. */
  readonly bytesTotal: number;
  readonly bytesDone: number;
}

/** Something that a server does and that takes long, at one moment: it goes on whoever waits for it. */
export interface TrackedOperation<Kind extends OperationKind = OperationKind> {
  /** Names it for as long as the server runs. */
  readonly id: string;
  readonly kind: Kind;
  readonly state: OperationState;
  /** Microseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly progress?: OperationProgress;
  /** Of an erasure: no read shows a version of the keys with a lower seq. */
  readonly hiddenSeq?: number;
  /** Once it has succeeded. */
  readonly result?: OperationResults[Kind];
  /** Once it has failed. */
  readonly error?: OperationError;
}

/** Why an operation failed. */
export interface OperationError {
  readonly code: ErrorCode;
  /** One sentence that says what to do. */
  readonly message: string;
  readonly details: ErrorDetails;
}
