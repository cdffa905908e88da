import { randomBytes } from "node:crypto";
import {
  abortable,
  type Clock,
  isKvtsError,
  KvtsError,
  type Logger,
  type OperationError,
  type OperationKind,
  type OperationProgress,
  type OperationResults,
  type TrackedOperation,
  toBase64Url,
} from "@kvts/common";

/** What a piece of work tells of itself. */
export interface OperationReport {
  progress(progress: OperationProgress): void;
  /** Of an erasure: nothing of the keys with a lower seq shows any more. */
  hidden(seq: number): void;
  /** Fires when the server closes: what is not to go on without it ends then. */
  readonly closing: AbortSignal;
}

/** What takes long, and goes on whoever waits for it. */
export interface Operations {
  /** @throws OPERATION_EXPIRED */
  getOperation(id: string): TrackedOperation;
}

export interface OperationStats {
  readonly running: number;
  readonly runningMax: number;
  /** Those that have ended, and are still told of. */
  readonly ended: number;
  readonly failed: number;
}

export interface OperationsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Whom to tell of an operation, and from when on. */
interface Teller {
  isTold(operation: TrackedOperation): boolean;
  resolve(operation: TrackedOperation): void;
  reject(error: unknown): void;
}

const runningMax = 16;
const endedMax = 1000;
/** How long an operation that has ended is told of, microseconds. */
const endedAgeMax = 3_600_000_000;
const idBytes = 16;
const idPattern = /^[\w-]{22}$/;

/** Operations live in memory: none outlives the server. They are in the order in which they began. */
export class OperationRegistry implements Operations {
  readonly #options: OperationsOptions;
  readonly #operations: Map<string, TrackedOperation> = new Map();
  readonly #closing: AbortController = new AbortController();
  #failed = 0;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /**
   * Begins an operation. Resolves once `isTold` says that its state is to be answered, or it has ended; it goes on where
   * `signal` fires first.
   * @throws OVERLOADED where there are as many as there may be; what the work fails with before it is told of: then it is
   *   as if it had never begun
   */
  async start<Kind extends OperationKind>(
    kind: Kind,
    work: (report: OperationReport) => Promise<OperationResults[Kind]>,
    isTold: (operation: TrackedOperation) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<TrackedOperation> {
    this.#checkRoom();
    const id = toBase64Url(randomBytes(idBytes));
    const begun: TrackedOperation = { id, kind, state: "running", startedAt: this.#options.clock.now() };
    this.#operations.set(id, begun);
    this.#options.logger.info({ operation: id, kind }, "an operation began");
    const told = new Promise<TrackedOperation>((resolve, reject) => {
      this.#run(begun, work, { isTold, resolve, reject });
    });
    return await abortable(told, signal);
  }

  #run(
    begun: TrackedOperation,
    work: (report: OperationReport) => Promise<OperationResults[OperationKind]>,
    { isTold, resolve, reject }: Teller,
  ): void {
    const { clock, logger } = this.#options;
    const { id, kind } = begun;
    let operation = begun;
    const change = (fields: Partial<TrackedOperation>): void => {
      operation = { ...operation, ...fields };
      this.#operations.set(id, operation);
      if (isTold(operation)) resolve(operation);
    };
    change({});
    const { signal: closing } = this.#closing;
    work({ progress: (progress) => change({ progress }), hidden: (hiddenSeq) => change({ hiddenSeq }), closing }).then(
      (result) => {
        change({ state: "succeeded", endedAt: clock.now(), result });
        resolve(operation);
        logger.info({ operation: id, kind }, "an operation is done");
      },
      (error: unknown) => {
        if (!isTold(operation)) {
          logger.info({ operation: id, kind }, "an operation was refused");
          this.#operations.delete(id);
          return reject(error);
        }
        this.#failed++;
        change({ state: "failed", endedAt: clock.now(), error: errorOf(error, id) });
        logger.warn({ operation: id, kind, err: error }, "an operation failed");
      },
    );
  }

  getOperation(id: string): TrackedOperation {
    this.#forgetOld();
    const operation = this.#operations.get(id);
    if (operation !== undefined) return operation;
    const shown = idPattern.test(id) ? `the operation ${id}` : "this operation";
    throw new KvtsError(
      "OPERATION_EXPIRED",
      `${shown} is not known any more: it ended more than an hour ago, or the server was restarted; an erasure that had begun is finished all the same`,
    );
  }

  stats(): OperationStats {
    const running = this.#running();
    return { running, runningMax, ended: this.#operations.size - running, failed: this.#failed };
  }

  close(): void {
    this.#closing.abort(
      new KvtsError("UNAVAILABLE", "the server is closing; begin the operation anew when it is back"),
    );
  }

  #running(): number {
    return [...this.#operations.values()].filter(({ state }) => state === "running").length;
  }

  #checkRoom(): void {
    this.#forgetOld();
    if (this.#running() < runningMax) return;
    throw new KvtsError(
      "OVERLOADED",
      `${runningMax} operations are under way, the most that may be; wait until one of them has ended`,
      { details: { limit: runningMax } },
    );
  }

  #forgetOld(): void {
    const oldest = this.#options.clock.now() - endedAgeMax;
    const ended = [...this.#operations.values()].filter(({ endedAt }) => endedAt !== undefined);
    const countMax = ended.length - endedMax;
    for (const [index, { id, endedAt }] of ended.entries()) {
      if (index < countMax || endedAt! < oldest) this.#operations.delete(id);
    }
  }
}

/** As clients are told of it: what is none of kvts' own is in the log, under the operation's id. */
function errorOf(error: unknown, id: string): OperationError {
  if (isKvtsError(error)) return { code: error.code, message: error.message, details: error.details };
  const message = `the server failed unexpectedly; its log has the reason under the operation ${id}`;
  return { code: "INTERNAL", message, details: {} };
}
