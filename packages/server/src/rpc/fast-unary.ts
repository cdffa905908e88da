import type { ServerHttp2Stream } from "node:http2";
import { create, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { envelope, enveloped } from "./answers.ts";
import { FastCall, type FastCallOptions } from "./fast-call.ts";
import { readRequest, type UnaryMethod } from "./unary-methods.ts";

/** A call of one answer. */
export class FastUnary extends FastCall<DescMethodUnary> {
  readonly #unary: UnaryMethod;

  constructor(unary: UnaryMethod, stream: ServerHttp2Stream, timeoutMs: number | undefined, options: FastCallOptions) {
    super(unary.method, unary.kind, stream, timeoutMs, options);
    this.#unary = unary;
  }

  protected override async answer(): Promise<void> {
    const { service, exchange } = this;
    const unary = this.#unary;
    const asked = this.request((message) => readRequest(unary, message));
    const result = await unary.run(asked, { service, signal: exchange.signal, encoding: "binary" });
    if (this.isOver) return;
    this.succeed(this.#written(result));
  }

  /** What a write did is told whatever the server holds: it is small, and done. @throws OVERLOADED for reads */
  #written(result: unknown): Buffer {
    const { method, kind, message, answer } = this.#unary;
    const isRead = kind === "read";
    if (answer === undefined) {
      const bytes = toBinary(method.output, create(method.output, message(result)));
      if (isRead) this.exchange.holdAnswer(bytes.length);
      return envelope(bytes);
    }
    const bytes = answer.bytes(result);
    if (isRead) this.exchange.holdAnswer(bytes);
    return enveloped(answer, result, bytes);
  }
}
