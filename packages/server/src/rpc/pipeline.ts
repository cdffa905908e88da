import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import {
  type Operation,
  type PipelineAnswer,
  PipelineAnswerSchema,
  type PipelineCall,
  type PipelineRequest,
  type PipelineResponseSchema,
} from "@kvts/api";
import { invalidArgument, KvtsError } from "@kvts/common";
import type { Exchange, Exchanges } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import type { Service } from "../service/service.ts";
import { untilClosing } from "../until-closing.ts";
import type { RpcOptions, UnaryCall } from "./call.ts";
import { exchangeOf, serviceOf } from "./context.ts";
import { toPipelineError } from "./errors.ts";
import { unaryMethods } from "./unary-methods.ts";

/** Most calls in one frame. */
const frameCallsMax = 1000;
/** A frame of answers is full with so many bytes of values, or with its first answer: clients often refuse 4 MiB. */
const frameBytesMax = 1024 * 1024;
/** Most calls of one stream that are under way; beyond, the next frame waits. */
const callsUnderWayMax = 10_000;
/** A timer's longest delay. */
const timeoutMsMax = 2 ** 31 - 1;

type Frames = AsyncIterable<PipelineRequest>;
type Answers = AsyncIterable<MessageInitShape<typeof PipelineResponseSchema>>;
type Outcome = NonNullable<MessageInitShape<typeof PipelineAnswerSchema>["outcome"]>;

/**
 * KvService.Pipeline: many calls on one stream, each carried out as if it had come alone. Once the server begins to
 * close it takes no more frames.
 */
export function pipeline(
  exchanges: Exchanges,
  options: RpcOptions,
): (frames: Frames, context: HandlerContext) => Answers {
  return (frames, { values, signal }) => {
    const stream = new PipelineStream(serviceOf(values), exchangeOf(values), options);
    return stream.run(untilClosing(frames, exchanges, signal));
  };
}

class PipelineStream {
  /** Answers come at their deadline at the latest, so there is nothing to call off. */
  readonly #call: UnaryCall;
  readonly #exchange: Exchange;
  readonly #options: RpcOptions;
  readonly #answers: PipelineAnswer[] = [];
  #underWay = 0;
  /** Set once no more frames come; with the failure, where there was one. */
  #end: { readonly failure?: unknown } | undefined;
  readonly #answering = new Bell();
  readonly #taking = new Bell();

  constructor(service: Service, exchange: Exchange, options: RpcOptions) {
    this.#call = { service, signal: undefined, encoding: "binary" };
    this.#exchange = exchange;
    this.#options = options;
  }

  /** Answers, all at a time that are ready, until no more frames come and nothing is under way. */
  async *run(frames: Frames): Answers {
    const taken = this.#take(frames);
    for (;;) {
      if (this.#answers.length > 0) {
        yield { answers: this.#nextFrame() };
      } else if (this.#end !== undefined && this.#underWay === 0) {
        break;
      } else {
        await this.#answering.rung();
      }
    }
    await taken;
    if (this.#end?.failure !== undefined) throw this.#end.failure;
  }

  /** What is ready, as far as clients of the usual limits take it in one message. */
  #nextFrame(): PipelineAnswer[] {
    let bytes = 0;
    const full = this.#answers.findIndex((answer) => {
      bytes += answerBytes(answer);
      return bytes >= frameBytesMax;
    });
    return this.#answers.splice(0, full < 0 ? this.#answers.length : full + 1);
  }

  async #take(frames: Frames): Promise<void> {
    try {
      for await (const { calls } of frames) {
        this.#begin(calls);
        while (this.#underWay > callsUnderWayMax) await this.#taking.rung();
      }
      this.#end = {};
    } catch (failure) {
      this.#end = { failure };
    }
    this.#answering.ring();
  }

  #begin(calls: readonly PipelineCall[]): void {
    if (calls.length <= frameCallsMax) {
      for (const call of calls) void this.#carryOut(call);
      return;
    }
    const error = invalidArgument(`a frame holds at most ${frameCallsMax} calls; split these ${calls.length}`);
    for (const call of calls) this.#answer(call.id, this.#failed(call, error));
  }

  /** Never rejects. */
  async #carryOut(asked: PipelineCall): Promise<void> {
    const { id, timeoutMs } = asked;
    const bytes = bytesOf(asked);
    const startedAt = performance.now();
    let isAnswered = false;
    const answer = (outcome: Outcome): void => {
      if (!isAnswered) this.#answer(id, outcome);
      if (!isAnswered) this.#count(asked, outcome, startedAt);
      isAnswered = true;
    };
    const expire = (): void => answer(this.#failed(asked, late()));
    const timer = timeoutMs === 0 ? undefined : setTimeout(expire, Math.min(timeoutMs, timeoutMsMax));
    this.#underWay++;
    try {
      this.#exchange.hold(bytes);
      try {
        answer(await this.#outcomeOf(asked));
      } finally {
        this.#exchange.release(bytes);
      }
    } catch (error) {
      answer(this.#failed(asked, error));
    }
    clearTimeout(timer);
    this.#underWay--;
    this.#taking.ring();
    this.#answering.ring();
  }

  async #outcomeOf({ method }: PipelineCall): Promise<Outcome> {
    const methods = unaryMethods;
    const call = this.#call;
    switch (method.case) {
      case "put":
        return { case: "put", value: methods.put.message(await methods.put.run(method.value, call)) };
      case "delete":
        return { case: "delete", value: methods.delete.message(await methods.delete.run(method.value, call)) };
      case "write":
        return { case: "write", value: methods.write.message(await methods.write.run(method.value, call)) };
      case "get":
        return { case: "get", value: methods.get.message(await methods.get.run(method.value, call)) };
      case "batchGet":
        return { case: "batchGet", value: methods.batchGet.message(await methods.batchGet.run(method.value, call)) };
      default:
        throw invalidArgument("the call is of no method that pipelines of this server know; send it by itself");
    }
  }

  #failed({ method }: PipelineCall, error: unknown): Outcome {
    const { logger, retryAfterSeconds } = this.#options;
    const name = `Pipeline ${method.case ?? "call"}`;
    const known = toKnownFailure(error, { requestId: this.#exchange.id, call: name, logger });
    const kind = method.case === "get" || method.case === "batchGet" ? "read" : "write";
    return { case: "error", value: toPipelineError(known, { call: kind, retryAfterSeconds }) };
  }

  #count({ method }: PipelineCall, { case: kind, value }: Outcome, startedAt: number): void {
    // Named as the methods are, so that a call counts as what it is however it travels.
    const name = method.case === undefined ? "Pipeline" : `${method.case[0]!.toUpperCase()}${method.case.slice(1)}`;
    this.#options.calls.count("grpc", name, kind === "error" ? (value?.info?.reason ?? "INTERNAL") : "OK", startedAt);
  }

  #answer(id: number, outcome: Outcome): void {
    this.#answers.push(create(PipelineAnswerSchema, { id, outcome }));
    this.#answering.ring();
  }
}

/** Wakes one waiter, who comes back after everything that is ready has been done. */
class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
    this.#wake = undefined;
  }

  async rung(): Promise<void> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        // Answers that come in one go share a frame.
        this.#wake = () => process.nextTick(resolve);
      });
    }
    this.#isRung = false;
  }
}

/** About what a call keeps in memory while it is under way. */
function bytesOf({ method }: PipelineCall): number {
  switch (method.case) {
    case "put":
      return method.value.key.length + (method.value.value?.length ?? 0);
    case "write":
      return method.value.operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
    case "batchGet":
      return method.value.keys.reduce((sum, key) => sum + key.length, 0);
    default:
      return method.value?.key.length ?? 0;
  }
}

function operationBytes({ kind }: Operation): number {
  if (kind.case === "deleteRange") {
    const { prefix, start, end } = kind.value.range ?? {};
    return (prefix?.length ?? 0) + (start?.length ?? 0) + (end?.length ?? 0);
  }
  const value = kind.case === "put" ? (kind.value.value?.length ?? 0) : 0;
  return value + (kind.value?.key.length ?? 0);
}

/** About what an answer takes, values alone. */
function answerBytes({ outcome }: PipelineAnswer): number {
  if (outcome.case === "get") return outcome.value.version?.value?.length ?? 0;
  if (outcome.case !== "batchGet") return 0;
  return outcome.value.items.reduce((sum, { version }) => sum + (version?.value?.length ?? 0), 0);
}

function late(): KvtsError {
  return new KvtsError(
    "DEADLINE_EXCEEDED",
    "the call took longer than its deadline; allow it more time or ask for less",
  );
}
