import { ServerResponse } from "node:http";
import type { KvtsError } from "@kvts/common";
import type { Exchanges, Outgoing } from "../exchanges.ts";
import type { StoredEvent, Watched } from "../service/watching.ts";
import { untilClosed } from "../watched.ts";
import type { EventFormat } from "./event-stream.ts";
import { commonHeaders, type Reply } from "./reply.ts";

/** An answer that goes on: events, in some format. */
export interface EventReply extends Reply {
  readonly watched: Watched;
  readonly format: EventFormat;
}

export function isEventReply(reply: Reply | EventReply): reply is EventReply {
  return "watched" in reply;
}

export interface EventSending {
  readonly exchanges: Exchanges;
  readonly requestId: string;
  /** What the client is told of what went wrong, once events have gone out. */
  known(error: unknown): KvtsError;
}

/**
 * Writes events out as fast as the client takes them.
 * @throws what went wrong before the first event: it is answered with its own status
 */
export async function sendEvents(reply: EventReply, outgoing: Outgoing, sending: EventSending): Promise<void> {
  const { format, watched } = reply;
  const events = untilClosed(watched, sending.exchanges);
  try {
    const first = await events.next();
    if (first.done === true) return;
    begin(reply, outgoing, sending.requestId);
    await write(outgoing, format.event(first.value));
    await sendRest(events, format, outgoing, sending);
  } finally {
    await events.return(undefined);
  }
}

async function sendRest(
  events: AsyncGenerator<StoredEvent>,
  format: EventFormat,
  outgoing: Outgoing,
  { known, exchanges }: EventSending,
): Promise<void> {
  try {
    for await (const event of events) {
      await write(outgoing, format.event(event));
      if (outgoing.destroyed) return;
    }
  } catch (error) {
    if (outgoing.destroyed) return;
    const { retryAfterSeconds } = exchanges;
    await write(outgoing, format.failure(known(error), { call: "read", retryAfterSeconds }));
  }
  outgoing.end();
}

function begin({ status, headers, format }: EventReply, outgoing: Outgoing, requestId: string): void {
  const own = { "content-type": format.contentType, "cache-control": "no-store", "x-accel-buffering": "no" };
  const all = { ...commonHeaders(requestId), ...headers, ...own };
  if (outgoing instanceof ServerResponse) outgoing.writeHead(status, all);
  else outgoing.writeHead(status, all);
}

/** Resolves once the client may get more, or is gone. */
async function write(outgoing: Outgoing, text: string): Promise<void> {
  if (outgoing.destroyed) return;
  const isTaken = outgoing instanceof ServerResponse ? outgoing.write(text) : outgoing.write(text);
  if (isTaken) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      outgoing.off("drain", end);
      outgoing.off("close", end);
      resolve();
    };
    outgoing.on("drain", end);
    outgoing.on("close", end);
  });
}
