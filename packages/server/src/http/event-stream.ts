import { type KvtsError, watchEventToJson } from "@kvts/common";
import type { StoredEvent } from "../service/watching.ts";
import { type ProblemContext, problemReply } from "./problem.ts";

/** How events are written out. */
export interface EventFormat {
  readonly contentType: string;
  event(event: StoredEvent): string;
  /** The end that was not asked for. */
  failure(error: KvtsError, context: ProblemContext): string;
}

/** Server-Sent Events: `Last-Event-ID` is the seq to go on from, so that pages of a state that is not whole have none. */
export const serverSentEvents: EventFormat = {
  contentType: "text/event-stream",
  event(event) {
    const id = event.initial === true && event.more === true ? "" : `id: ${event.seq}\n`;
    // Without data nothing is dispatched; browsers remember the id all the same.
    return isProgress(event) ? `:\n${id}\n` : `${id}data: ${JSON.stringify(watchEventToJson(event))}\n\n`;
  },
  failure: (error, context) => `event: error\ndata: ${problemReply(error, context).body as string}\n\n`,
};

/** One JSON object a line. @param tellsProgress whether events without items are told; otherwise an empty line stands for them */
export function ndjson(tellsProgress: boolean): EventFormat {
  return {
    contentType: "application/x-ndjson",
    event: (event) => (isProgress(event) && !tellsProgress ? "\n" : `${JSON.stringify(watchEventToJson(event))}\n`),
    failure: (error, context) => `{"error":${problemReply(error, context).body as string}}\n`,
  };
}

function isProgress({ items, initial }: StoredEvent): boolean {
  return items.length === 0 && initial !== true;
}
