import { z } from "@hono/zod-openapi";
import { checkRequestId, invalidArgument, textOf } from "@kvts/common";
import { conditionHeaders } from "./conditions.ts";

/** The header that names a write, for the OpenAPI document. */
export const idempotencyKey = z.object({
  "idempotency-key": z.string().optional().openapi({
    description:
      "Names this write, 1 to 128 bytes of UTF-8: sent again within ten minutes, it is not carried out again.",
  }),
});

/** All headers of a write of one key. */
export const writeHeaders = idempotencyKey.extend(conditionHeaders);

/** The request id of a write: its Idempotency-Key. */
export function requestIdIn(header: (name: string) => string | undefined): string | undefined {
  const raw = header("idempotency-key");
  if (raw === undefined) return undefined;
  // Node reads headers as Latin-1; here they are UTF-8, as the ids of all other faces.
  const text = textOf(Buffer.from(raw, "latin1"));
  if (text === undefined) throw invalidArgument("idempotency-key is not UTF-8", { field: "idempotency-key" });
  return checkRequestId(text);
}
