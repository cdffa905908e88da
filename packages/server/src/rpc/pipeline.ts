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
import type { Exchange, Exchanges } from "../exchanges.ts";
import { untilClosing } from "../until-closing.ts";
import type { RpcOptions } from "./call.ts";
import { exchangeOf, serviceOf } from "./context.ts";
import {
  type Answered,
  callsUnderWayMax,
  frameBytesMax,
  methodByCase,
  PipelineCalls,
  type ReceivedCall,
} from "./pipeline-calls.ts";

type Frames = AsyncIterable<PipelineRequest>;
type Answers = AsyncIterable<MessageInitShape<typeof PipelineResponseSchema>>;

/**
 * KvService.Pipeline as Connect runs it, for callers whom the fast path does not take: many calls on one stream, each
 * carried out as if it had come alone. Once the server begins to close it takes no more frames.
 */
export function pipeline(
  exchanges: Exchanges,
  options: RpcOptions,
): (frames: Frames, context: HandlerContext) => Answers {
  return (frames, { values, signal }) => {
    const exchange = exchangeOf(values);
    const stream = new PipelineStream(exchange, (events) => {
      return new PipelineCalls(serviceOf(values), exchange, options, events);
    });
    return stream.run(untilClosing(frames, exchanges, signal));
  };
}

class PipelineStream {
  readonly #calls: PipelineCalls;
  readonly #exchange: Exchange;
  #answers: PipelineAnswer[] = [];
  /** What the exchange holds for each of `#answers`. */
  #heldBytes: number[] = [];
  /** Set once no more frames come; with the failure, where there was one. */
  #end: { readonly failure?: unknown } | undefined;
  readonly #answering = new Bell();
  readonly #taking = new Bell();

  constructor(
    exchange: Exchange,
    callsWith: (events: ConstructorParameters<typeof PipelineCalls>[3]) => PipelineCalls,
  ) {
    this.#exchange = exchange;
    this.#calls = callsWith({
      onAnswer: (answer) => {
        this.#answers.push(answerOut(answer));
        this.#heldBytes.push(answer.error === undefined ? answer.heldBytes : 0);
        this.#answering.ring();
      },
      onSettled: () => {
        this.#taking.ring();
        this.#answering.ring();
      },
    });
  }

  /** Answers, all at a time that are ready, until no more frames come and nothing is under way. */
  async *run(frames: Frames): Answers {
    const taken = this.#take(frames);
    try {
      for (;;) {
        if (this.#answers.length > 0) {
          const answers = this.#nextFrame();
          const held = this.#heldBytes.splice(0, answers.length).reduce((sum, bytes) => sum + bytes, 0);
          yield { answers };
          this.#exchange.release(held);
          this.#taking.ring();
        } else if (this.#end !== undefined && this.#calls.underWay === 0) {
          break;
        } else {
          await this.#answering.rung();
        }
      }
      await taken;
    } finally {
      this.#calls.stop();
    }
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
        this.#calls.begin(calls.map(callIn));
        while (this.#calls.underWay + this.#answers.length > callsUnderWayMax) await this.#taking.rung();
      }
      this.#end = {};
    } catch (failure) {
      this.#end = { failure };
    }
    this.#answering.ring();
  }
}

/** A call of a frame that the library of protobuf has read. */
export function callIn(call: PipelineCall): ReceivedCall {
  const { id, timeoutMs } = call;
  const method = methodByCase.get(call.method.case ?? "");
  const received = { id, timeoutMs, bytes: bytesOf(call), method };
  try {
    return { ...received, asked: method?.asked(call.method.value as never) };
  } catch (failure) {
    return { ...received, asked: undefined, failure };
  }
}

function answerOut(answer: Answered): PipelineAnswer {
  const { id } = answer;
  if (answer.error !== undefined) {
    return create(PipelineAnswerSchema, { id, outcome: { case: "error", value: answer.error } });
  }
  const outcome = { case: answer.method.case, value: answer.method.message(answer.result) };
  return create(PipelineAnswerSchema, { id, outcome } as MessageInitShape<typeof PipelineAnswerSchema>);
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
    case "delete":
    case "get":
    case "listVersions":
      return method.value.key.length;
    default:
      return 0;
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
  switch (outcome.case) {
    case "get":
      return outcome.value.version?.value?.length ?? 0;
    case "batchGet":
      return outcome.value.items.reduce((sum, { version }) => sum + (version?.value?.length ?? 0), 0);
    case "listVersions":
    case "scan":
      return outcome.value.versions.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    default:
      return 0;
  }
}
