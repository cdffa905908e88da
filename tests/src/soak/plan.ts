import { Random } from "@kvts/db/testing";

/** Everything that a soak writes follows from these numbers, so nobody has to remember what was written. */
export interface Plan {
  readonly seed: number;
  readonly writers: number;
}

/** One operation of a batch; without a value it is a delete, without a timestamp one is assigned. */
export interface PlannedOperation {
  readonly key: string;
  readonly value: string | undefined;
  readonly timestamp: number | undefined;
}

const KEYS_PER_WRITER = 400;
const OPERATIONS_MAX = 8;
/** Timestamps of neighbours are shuffled among so many, so that many writes come late. */
const SHUFFLED = 64;
const FILLER_LENGTH = 256 * 1024;
const LONG_VALUE_LENGTH = 100_000;

/** Text that hardly compresses, of which every value has its own stretch. */
const filler: string = Buffer.from(new Random(1).bytes((FILLER_LENGTH * 3) / 4)).toString("base64");

/** Writers whose number is divisible by 4 leave their timestamps to the store. */
export function assignsTimestamps(writer: number): boolean {
  return writer % 4 === 0;
}

export function keyOf(writer: number, index: number): string {
  return `${String(index).padStart(5, "0")}/writer-${writer}`;
}

/** The writer of a key. */
export function writerOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("-") + 1));
}

/** Batch `number` (from 0) of a writer: one to eight operations on different keys of that writer's own. */
export function batchOf({ seed, writers }: Plan, writer: number, number: number): PlannedOperation[] {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b) ^ (writer * writers));
  const count = random.chance(0.6) ? 1 : random.between(2, OPERATIONS_MAX);
  const first = random.below(KEYS_PER_WRITER);
  return Array.from({ length: count }, (_, at) => {
    const key = keyOf(writer, (first + at * 7) % KEYS_PER_WRITER);
    const timestamp = assignsTimestamps(writer) ? undefined : timestampOf(number, at);
    if (random.chance(0.1)) return { key, value: undefined, timestamp };
    const length = random.chance(0.002) ? LONG_VALUE_LENGTH : random.below(500);
    const from = random.below(FILLER_LENGTH - length);
    return { key, value: `${seed}/${writer}/${number}/${at} ${filler.slice(from, from + length)}`, timestamp };
  });
}

/** No two operations of a writer share one. */
function timestampOf(number: number, at: number): number {
  const place = number * OPERATIONS_MAX + at;
  return 1_000_000 + (place - (place % SHUFFLED)) + ((place * 29) % SHUFFLED);
}

/** Whether a value is one that this plan has in the writer's batches below `batches`. */
export function isPlanned(plan: Plan, key: string, value: string, batches: number): boolean {
  const match = /^(\d+)\/(\d+)\/(\d+)\/(\d+) /.exec(value);
  if (match === null) return false;
  const [seed, writer, number, at] = match.slice(1).map(Number) as [number, number, number, number];
  if (seed !== plan.seed || number >= batches) return false;
  const operation = batchOf(plan, writer, number)[at];
  return operation?.key === key && operation.value === value;
}
