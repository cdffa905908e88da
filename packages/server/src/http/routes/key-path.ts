import { z } from "@hono/zod-openapi";
import { type KeyEncoding, keyFromSegment } from "../keys.ts";
import { keyEncodingParameter } from "../schemas.ts";

/** What all routes of one key have in their path. */
export const keyPath = z.object({
  key: z.string().openapi({ description: "The key: one percent-encoded segment.", example: "user%3A1" }),
});

/** And in their query. */
export const keyEncoding = keyEncodingParameter.optional();

export function keyOf(segments: readonly string[], query: { readonly keyEncoding?: KeyEncoding }): Uint8Array {
  return keyFromSegment(segments[2]!, query.keyEncoding);
}
