import { z } from "@hono/zod-openapi";
import { checkSeq, invalidArgument } from "@kvts/common";
import { responsesOf } from "../documents.ts";
import { ndjson, serverSentEvents } from "../event-stream.ts";
import { rangeFromQuery } from "../keys.ts";
import { type AnyRoute, defineRoute } from "../route.ts";
import { flagParameter, keyEncodingParameter, rangeParameters, watchEventSchema } from "../schemas.ts";

const query = z.strictObject({
  ...rangeParameters,
  afterSeq: z
    .string()
    .regex(/^\d{1,16}$/, "must be a whole number")
    .openapi({ type: "integer", description: "Batches after this seq; without it, those from now on." })
    .optional(),
  initial: flagParameter("First the state of the range at one seq, then every batch after it.").optional(),
  progress: flagParameter("In NDJSON, also lines without items, that tell how far the feed has come.").optional(),
  incarnation: z
    .string()
    .openapi({ description: "Whose seq `afterSeq` is, as `/v1/status` tells; another store's is refused." })
    .optional(),
  keyEncoding: keyEncodingParameter.optional(),
});

/** `/v1/watch`: the change feed. */
export function watchRoute(): AnyRoute {
  return defineRoute({
    method: "get",
    path: "/v1/watch",
    call: "read",
    query,
    doc: {
      operationId: "watch",
      tags: ["keys"],
      summary: "Watch a range",
      description:
        'Every batch that changes something in the range, whole, in the order of commits, once it is on disk. Server-Sent Events whose `id` is the seq to go on from, so that `Last-Event-ID` resumes; or with `Accept: application/x-ndjson` one JSON object a line. It ends with an `error` event, or a line `{"error": …}`.',
      request: { query },
      responses: responsesOf(
        {
          200: {
            description: "Events, until one side has enough.",
            content: {
              "text/event-stream": { schema: watchEventSchema },
              "application/x-ndjson": { schema: watchEventSchema },
            },
          },
        },
        410,
      ),
    },
    async handle({ service, query: { afterSeq, initial, progress, incarnation, ...range }, header, signal }) {
      const last = lastEventId(header("last-event-id"));
      const watched = service.watch({
        range: rangeFromQuery(range),
        afterSeq: last ?? (afterSeq === undefined ? undefined : checkSeq(Number(afterSeq), "afterSeq")),
        initial: initial === "true" && last === undefined,
        incarnation,
        signal,
      });
      const isNdjson = /\bapplication\/x-ndjson\b/.test(header("accept") ?? "");
      const format = isNdjson ? ndjson(progress === "true") : serverSentEvents;
      return { status: 200, headers: { "kvts-incarnation": service.incarnation }, body: undefined, watched, format };
    },
  });
}

/** What a browser that reconnects has seen last. */
function lastEventId(header: string | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (!/^\d{1,16}$/.test(header)) {
    throw invalidArgument("Last-Event-ID is the id of an event of this feed, a whole number", {
      field: "Last-Event-ID",
    });
  }
  return checkSeq(Number(header), "Last-Event-ID");
}
