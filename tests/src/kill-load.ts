import { isKvtsError, type Store, type WriteResult } from "@kvts/common";

/** One operation of an attempt; without a value it is a delete. */
interface AttemptedOperation {
  readonly key: string;
  readonly value: string | undefined;
  readonly timestamp: number | undefined;
}

/** A write that was tried, and what is known of it. */
export interface Attempt {
  /** Under which it can be sent again; undefined for those that are sent once. */
  readonly requestId: string | undefined;
  readonly operations: readonly AttemptedOperation[];
  /** `open` until it is answered, or until a restart shows whether it was carried out. */
  state: "open" | "written" | "not written";
  /** Where it is known to have been written. */
  result: WriteResult | undefined;
}

/** A version that a store has. */
export interface FoundVersion {
  readonly key: string;
  readonly timestamp: number;
  readonly seq: number;
  readonly value: string | undefined;
}

const KEYS = 60;
const BATCH_OPERATIONS_MAX = 8;
/** Answered writes that are sent again after each kill. */
const SENT_AGAIN_MAX = 20;
/** About as many bytes as a small record, so that memory fills soon. */
const PADDING = "·".repeat(300);

/**
 * Writes of all kinds, each with values and given timestamps of its own, so that every version that is ever found tells
 * which attempt it is from.
 */
export class Load {
  readonly attempts: Attempt[] = [];
  readonly #byVersion: Map<string, Attempt> = new Map();
  #count = 0;

  /** Writes through `store`, one write after the other, until `killed` says that the server is gone. */
  async write(store: Store, killed: AbortSignal): Promise<void> {
    while (!killed.aborted) {
      const attempt = this.#attempt();
      try {
        this.#written(attempt, await this.#send(store, attempt));
      } catch (error) {
        if (!killed.aborted || !isKvtsError(error)) throw error;
      }
    }
  }

  /** Sends again what has a request id: all that was not answered, and the last ones that were. Returns what is wrong. */
  async sendAgain(store: Store): Promise<string[]> {
    const named = this.attempts.filter(({ requestId, state }) => requestId !== undefined && state !== "not written");
    const answered = named.filter(({ state }) => state === "written").slice(-SENT_AGAIN_MAX);
    const wrong: string[] = [];
    for (const attempt of [...named.filter(({ state }) => state === "open"), ...answered]) {
      const before = attempt.result;
      const { seq, timestamp } = await this.#send(store, attempt);
      this.#written(attempt, { seq, timestamp });
      if (before === undefined || (before.seq === seq && before.timestamp === timestamp)) continue;
      wrong.push(`${nameOf(attempt.operations[0]!)} was answered ${before.seq}, and ${seq} when it was sent again`);
    }
    return wrong;
  }

  get written(): number {
    return this.attempts.filter(({ state }) => state === "written").length;
  }

  /** Holds what a store has against what was tried. Returns what is wrong; open attempts are settled by what is there. */
  check(versions: readonly FoundVersion[]): string[] {
    const wrong: string[] = [];
    const found = new Map<Attempt, FoundVersion[]>();
    for (const version of versions) {
      const attempt = this.#byVersion.get(nameOf(version));
      if (attempt === undefined) wrong.push(`nobody wrote ${nameOf(version)}`);
      else found.set(attempt, [...(found.get(attempt) ?? []), version]);
    }
    for (const attempt of this.attempts) wrong.push(...checkAttempt(attempt, found.get(attempt) ?? []));
    return wrong;
  }

  #attempt(): Attempt {
    const id = ++this.#count;
    const count = id % 3 === 0 ? 2 + (id % (BATCH_OPERATIONS_MAX - 1)) : 1;
    const deletes = id % 10 === 1;
    const operations = Array.from({ length: count }, (_, at) => ({
      key: `key-${(id * 7 + at) % KEYS}`,
      value: deletes ? undefined : `${id}/${at} ${PADDING}`,
      // Deletes can be told apart by their timestamps alone. Those before the clock fall between all others.
      timestamp: deletes || id % 4 === 0 ? id * BATCH_OPERATIONS_MAX + at : undefined,
    }));
    const requestId = id % 2 === 0 ? `attempt ${id}` : undefined;
    const attempt: Attempt = { requestId, operations, state: "open", result: undefined };
    for (const operation of operations) this.#byVersion.set(nameOf(operation), attempt);
    this.attempts.push(attempt);
    return attempt;
  }

  #send(store: Store, { operations, requestId }: Attempt): Promise<WriteResult> {
    const [first] = operations;
    if (operations.length > 1) {
      return store.write(
        operations.map(({ key, value, timestamp }) =>
          value === undefined ? { op: "delete", key, timestamp } : { op: "put", key, value, timestamp },
        ),
        { requestId },
      );
    }
    const { key, value, timestamp } = first!;
    const options = { timestamp, requestId };
    return value === undefined ? store.delete(key, options) : store.put(key, value, options);
  }

  #written(attempt: Attempt, result: WriteResult): void {
    attempt.state = "written";
    attempt.result = result;
  }
}

/** Everything that a store has. */
export async function readEverything(store: Store): Promise<FoundVersion[]> {
  const versions: FoundVersion[] = [];
  for await (const { key } of store.scan({}, { includeDeleted: true })) {
    for await (const version of store.history(key)) {
      const { timestamp, seq } = version;
      versions.push({ key, timestamp, seq, value: version.deleted ? undefined : version.text() });
    }
  }
  return versions;
}

/** What tells a version from all others, whenever it holds. */
function nameOf({ key, value, timestamp }: AttemptedOperation | FoundVersion): string {
  return value === undefined ? `the delete of ${key} at ${timestamp}` : `${key} = ${value.split(" ", 1)[0]}`;
}

function checkAttempt(attempt: Attempt, found: readonly FoundVersion[]): string[] {
  const { operations, state } = attempt;
  const name = nameOf(operations[0]!);
  if (found.length !== 0 && found.length !== operations.length) {
    return [`${found.length} of the ${operations.length} operations of ${name} (${state})`];
  }
  if (state === "not written") return found.length === 0 ? [] : [`${name} was not there, and is now`];
  if (found.length === 0) {
    if (state === "written") return [`${name} is not there, and was acknowledged`];
    attempt.state = "not written";
    return [];
  }
  const bySeq = found.toSorted((a, b) => a.seq - b.seq);
  const last = bySeq.at(-1)!;
  attempt.state = "written";
  attempt.result ??= { seq: last.seq, timestamp: operations.at(-1)!.timestamp ?? last.timestamp };
  const { seq, timestamp } = attempt.result;
  const isRight = operations.every((operation, at) => {
    const version = bySeq[at]!;
    return (
      nameOf(version) === nameOf(operation) &&
      version.value === operation.value &&
      version.seq === seq - operations.length + 1 + at &&
      version.timestamp === (operation.timestamp ?? timestamp)
    );
  });
  return isRight ? [] : [`${name} is there at other times, seqs or with other values than ${seq} @${timestamp}`];
}
