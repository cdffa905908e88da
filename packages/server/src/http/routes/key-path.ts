import { z } from "@hono/zod-openapi";
import { type KeyEncoding, keyFromSegment } from "../keys.ts";
import type { HttpCall } from "../route.ts";
import { keyEncodingParameter } from "../schemas.ts";
import { conditionsUnserved } from "../validate.ts";

/** What all routes of one key have in their path. */
export const keyPath = z.object({
  key: z.string().openapi({ description: "The key: one percent-encoded segment.", example: "user%3A1" }),
});

/** And in their query. */
export const keyEncoding = keyEncodingParameter.optional();

export function keyOf(segments: readonly string[], query: { readonly keyEncoding?: KeyEncoding }): Uint8Array {
  return keyFromSegment(segments[2]!, query.keyEncoding);
}

const conditionHeaders = ["if-match", "if-none-match", "if-unmodified-since"];

/** @throws UNIMPLEMENTED: a condition passed over would be a lost update */
export function refuseConditions(header: HttpCall<never, never>["header"]): void {
  const name = conditionHeaders.find((candidate) => header(candidate) !== undefined);
  if (name !== undefined) throw conditionsUnserved(name);
}
