import { KvService, type PipelineCall, type PipelineError } from "@kvts/api";
import { invalidArgument, KvtsError } from "@kvts/common";
import type { Exchange } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import type { Service } from "../service/service.ts";
import type { AnswerWriter } from "./answers.ts";
import type { RpcOptions, UnaryCall } from "./call.ts";
import { toPipelineError } from "./errors.ts";
import { type UnaryMethod, unaryMethods } from "./unary-methods.ts";

/** Most calls in one frame. */
export const frameCallsMax = 1000;
/** A frame of answers is full with so many bytes, or with its first answer: clients often refuse 4 MiB. */
export const frameBytesMax: number = 1024 * 1024;
/** Most calls of one stream that are under way; beyond, the next frame waits. */
export const callsUnderWayMax = 10_000;
/** A timer's longest delay. */
const timeoutMsMax = 2 ** 31 - 1;

type Case = NonNullable<PipelineCall["method"]["case"]>;

/** A method that may be called in a pipeline. */
export interface PipelinedMethod extends UnaryMethod {
  readonly case: Case;
  readonly answer: AnswerWriter<unknown>;
  /** Its fields in PipelineCall and PipelineAnswer. */
  readonly requestField: number;
  readonly answerField: number;
}

function pipelined(name: Case, requestField: number, answerField: number): PipelinedMethod {
  return { ...unaryMethods[name], case: name, requestField, answerField } as PipelinedMethod;
}

const methods = [
  pipelined("put", 3, 2),
  pipelined("delete", 4, 3),
  pipelined("write", 5, 4),
  pipelined("get", 6, 5),
  pipelined("batchGet", 7, 6),
  pipelined("listVersions", 8, 8),
  pipelined("scan", 9, 9),
];
export const methodByCase: ReadonlyMap<string, PipelinedMethod> = new Map(methods.map((each) => [each.case, each]));
export const methodByField: readonly (PipelinedMethod | undefined)[] = Array.from({ length: 16 }, (_, field) =>
  methods.find(({ requestField }) => requestField === field),
);
/** Of PipelineAnswer. */
export const errorField = 7;

/** A call as it came: what it asks for, or why that cannot be read. */
export interface ReceivedCall {
  readonly id: number;
  /** 0 for none. */
  readonly timeoutMs: number;
  /** About what it keeps in memory while it is under way. */
  readonly bytes: number;
  readonly method: PipelinedMethod | undefined;
  readonly asked: unknown;
  readonly failure?: unknown;
}

/** What became of a call. */
export type Answered =
  | {
      readonly id: number;
      readonly method: PipelinedMethod;
      readonly result: unknown;
      /** What the exchange holds for it, to be released once the client has taken it. */
      readonly heldBytes: number;
      readonly error?: undefined;
    }
  | { readonly id: number; readonly error: PipelineError };

/** One call, until it has settled; where it is late it is answered before. */
interface UnderWay {
  readonly received: ReceivedCall;
  readonly startedAt: number;
  readonly deadlineAt: number;
  isAnswered: boolean;
}

/** Carries out the calls of one stream of frames, each as if it had come alone, and tells `onAnswer` and `onSettled`. */
export class PipelineCalls {
  /** Answers come at their deadline at the latest, so there is nothing to call off. */
  readonly #call: UnaryCall;
  readonly #exchange: Exchange;
  readonly #options: RpcOptions;
  readonly #onAnswer: (answer: Answered) => void;
  readonly #onSettled: () => void;
  readonly #underWay: Set<UnderWay> = new Set();
  /** One for all calls, due at the first deadline of those that were there when it was set, or before. */
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(
    service: Service,
    exchange: Exchange,
    options: RpcOptions,
    { onAnswer, onSettled }: { onAnswer(answer: Answered): void; onSettled(): void },
  ) {
    this.#call = { service, signal: undefined, encoding: "binary" };
    this.#exchange = exchange;
    this.#options = options;
    this.#onAnswer = onAnswer;
    this.#onSettled = onSettled;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** Begins the calls of a frame, in their order. */
  begin(calls: readonly ReceivedCall[]): void {
    const startedAt = performance.now();
    if (calls.length <= frameCallsMax) {
      for (const call of calls) void this.#carryOut(call, startedAt);
      return;
    }
    const error = invalidArgument(`a frame holds at most ${frameCallsMax} calls; split these ${calls.length}`);
    for (const call of calls) this.#onAnswer({ id: call.id, error: this.#failure(call, error) });
  }

  /** Nobody waits for answers any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  async #carryOut(received: ReceivedCall, startedAt: number): Promise<void> {
    const { id, timeoutMs, bytes, method } = received;
    const deadlineAt = timeoutMs === 0 ? Number.POSITIVE_INFINITY : startedAt + timeoutMs;
    const call: UnderWay = { received, startedAt, deadlineAt, isAnswered: false };
    this.#underWay.add(call);
    if (deadlineAt < this.#dueAt) this.#wakeAt(deadlineAt, startedAt);
    try {
      if (received.failure !== undefined) throw received.failure;
      if (method === undefined) throw unknownMethod();
      this.#exchange.hold(bytes);
      try {
        const result = await method.run(received.asked, this.#call);
        const heldBytes = method.kind === "read" && !call.isAnswered ? method.answer.bytes(result) : 0;
        this.#exchange.holdAnswer(heldBytes);
        this.#answer(call, { id, method, result, heldBytes }, "OK");
      } finally {
        this.#exchange.release(bytes);
      }
    } catch (error) {
      this.#fail(call, error);
    }
    this.#underWay.delete(call);
    this.#onSettled();
  }

  #fail(call: UnderWay, cause: unknown): void {
    if (call.isAnswered) return;
    const error = this.#failure(call.received, cause);
    this.#answer(call, { id: call.received.id, error }, error.info?.reason ?? "INTERNAL");
  }

  #failure({ method }: ReceivedCall, error: unknown): PipelineError {
    const { logger, retryAfterSeconds } = this.#options;
    const name = `Pipeline ${method?.case ?? "call"}`;
    const known = toKnownFailure(error, { requestId: this.#exchange.id, call: name, logger });
    return toPipelineError(known, { call: method?.kind ?? "write", retryAfterSeconds });
  }

  #answer(call: UnderWay, answer: Answered, code: string): void {
    if (call.isAnswered) return;
    call.isAnswered = true;
    this.#onAnswer(answer);
    // Named as the methods are, so that a call counts as what it is however it travels.
    const method = call.received.method?.method ?? KvService.method.pipeline;
    this.#options.calls.count("grpc", method.name, code, call);
    this.#exchange.trace?.part(method, code, call.startedAt, this.#exchange.id);
  }

  #wakeAt(dueAt: number, now: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.ceil(dueAt - now), timeoutMsMax)).unref();
  }

  #expire(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#underWay) {
      if (call.isAnswered) continue;
      if (call.deadlineAt <= now) this.#fail(call, late());
      else next = Math.min(next, call.deadlineAt);
    }
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (next < this.#dueAt) this.#wakeAt(next, now);
  }
}

function unknownMethod(): KvtsError {
  return invalidArgument("the call is of no method that pipelines of this server know; send it by itself");
}

function late(): KvtsError {
  return new KvtsError(
    "DEADLINE_EXCEEDED",
    "the call took longer than its deadline; allow it more time or ask for less",
  );
}
