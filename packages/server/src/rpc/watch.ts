import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type FeedItem as FeedItemMessage,
  FeedItemSchema,
  type KvService,
  RangeDeletionSchema,
  RangeRestorationSchema,
  RetractionSchema,
  type WatchRequest as WatchRequestMessage,
  type WatchResponseSchema,
} from "@kvts/api";
import type { FeedItem } from "@kvts/common";
import type { Exchanges } from "../exchanges.ts";
import type { StoredEvent, WatchRequest } from "../service/watching.ts";
import { untilClosed } from "../watched.ts";
import type { RpcOptions } from "./call.ts";
import { numberOut, seqIn, textIn } from "./numbers.ts";
import { rangeIn } from "./operations.ts";
import { streamed } from "./streams.ts";
import { versionOut } from "./versions.ts";

/** KvService.Watch. Connect asks for the next message once the one before is on its way: a slow client slows its watch. */
export function watch(exchanges: Exchanges, options: RpcOptions): ServiceImpl<typeof KvService>["watch"] {
  return streamed(options, (request, service, signal) => {
    const watched = service.watch({ ...watchIn(request), signal });
    return eventsOut(untilClosed(watched, exchanges), service.incarnation);
  });
}

/** What a call asks for. @throws INVALID_ARGUMENT */
export function watchIn({ range, afterSeq, initial, incarnation }: WatchRequestMessage): WatchRequest {
  return {
    range: rangeIn(range),
    afterSeq: seqIn(afterSeq, "after_seq"),
    initial,
    incarnation: textIn(incarnation),
  };
}

/** Events as messages; the first one tells whose seqs they are. */
export async function* eventsOut(
  events: AsyncIterable<StoredEvent>,
  incarnation: string,
): AsyncGenerator<MessageInitShape<typeof WatchResponseSchema>> {
  let told = incarnation;
  for await (const { seq, items, initial = false, more = false } of events) {
    yield { seq: numberOut(seq), items: items.map(itemOut), initial, more, incarnation: told };
    told = "";
  }
}

function itemOut(item: FeedItem<Uint8Array>): FeedItemMessage {
  if (item.op === undefined) return create(FeedItemSchema, { kind: { case: "version", value: versionOut(item) } });
  const order = { timestamp: numberOut(item.timestamp), seq: numberOut(item.seq) };
  if (item.op === "deleteRange") {
    const { start, end } = item.range;
    const value = create(RangeDeletionSchema, { range: { start, end }, ...order });
    return create(FeedItemSchema, { kind: { case: "rangeDeletion", value } });
  }
  if (item.op === "restored") {
    const { start, end } = item.range;
    const value = create(RangeRestorationSchema, { range: { start, end }, to: numberOut(item.to), ...order });
    return create(FeedItemSchema, { kind: { case: "rangeRestoration", value } });
  }
  const value = create(RetractionSchema, { key: item.key, ...order });
  return create(FeedItemSchema, { kind: { case: "retraction", value } });
}
