import type { ServerHttp2Stream } from "node:http2";
import { create, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { envelope } from "./answers.ts";
import { FastCall, type FastCallOptions } from "./fast-call.ts";
import type { UnaryMethod } from "./unary-methods.ts";

/** A call of one answer. */
export class FastUnary extends FastCall<DescMethodUnary> {
  readonly #unary: UnaryMethod;

  constructor(unary: UnaryMethod, stream: ServerHttp2Stream, timeoutMs: number | undefined, options: FastCallOptions) {
    super(unary.method, unary.kind, stream, timeoutMs, options);
    this.#unary = unary;
  }

  protected override async answer(): Promise<void> {
    const { method, run, message, answer } = this.#unary;
    const { service, exchange } = this;
    const result = await run(this.request(), { service, signal: exchange.signal, encoding: "binary" });
    if (this.isOver) return;
    this.succeed(answer?.(result) ?? envelope(toBinary(method.output, create(method.output, message(result)))));
  }
}
