import { type ContextValues, createContextKey, createContextValues } from "@connectrpc/connect";
import { invariant } from "@kvts/common";
import type { Exchange } from "../exchanges.ts";

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/** Context values that carry the exchange a call belongs to. */
export function contextWith(exchange: Exchange): ContextValues {
  return createContextValues().set(exchangeKey, exchange);
}

export function exchangeOf(values: ContextValues): Exchange {
  const exchange = values.get(exchangeKey);
  invariant(exchange !== undefined, "every call belongs to an exchange");
  return exchange;
}
