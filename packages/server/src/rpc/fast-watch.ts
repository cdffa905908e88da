import type { IncomingHttpHeaders } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type KvService, WatchRequestSchema, WatchResponseSchema } from "@kvts/api";
import { KvtsError } from "@kvts/common";
import type { Watched } from "../service/watching.ts";
import { untilClosed } from "../watched.ts";
import { envelope } from "./answers.ts";
import { FastCall } from "./fast-call.ts";
import { eventsOut, watchIn } from "./watch.ts";

/** A call of Watch. While it waits it holds its stream and its watch, and no signal: it closes the watch itself. */
export class FastWatch extends FastCall<typeof KvService.method.watch> {
  #watched: Watched | undefined;
  /** Resolves the wait for a slow client. */
  #resume: (() => void) | undefined;

  override start(headers: IncomingHttpHeaders): void {
    this.stream.on("close", () => this.leave());
    super.start(headers);
  }

  /** The client is gone, unless all was said. */
  override leave(): void {
    super.leave();
    this.fail(new KvtsError("CANCELLED", "the client went away"));
  }

  protected override async answer(): Promise<void> {
    const { service, options } = this;
    const watched = service.watch(watchIn(this.request((message) => fromBinary(WatchRequestSchema, message))));
    this.letRequestGo();
    this.#watched = watched;
    for await (const message of eventsOut(untilClosed(watched, options.exchanges), service.incarnation)) {
      if (this.isOver) return;
      if (!this.stream.headersSent) this.respond();
      const isTaken = this.stream.write(envelope(toBinary(WatchResponseSchema, create(WatchResponseSchema, message))));
      if (!isTaken) await this.#drained();
    }
    if (!this.isOver) this.succeed();
  }

  protected override fail(error: unknown, limit?: "store" | "transport"): void {
    super.fail(error, limit);
    void this.#watched?.close();
    this.#resume?.();
  }

  async #drained(): Promise<void> {
    if (this.isOver || this.stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      this.stream.once("drain", resolve);
    });
    this.#resume = undefined;
  }
}
