import { type ContextValues, createContextKey, createContextValues } from "@connectrpc/connect";
import { invariant } from "@kvts/common";
import type { Exchange } from "../exchanges.ts";
import type { Service } from "../service/service.ts";

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

const serviceKey = createContextKey<Service | undefined>(undefined);

/** Context values that carry the exchange a call belongs to. */
export function contextWith(exchange: Exchange): ContextValues {
  return createContextValues().set(exchangeKey, exchange);
}

export function exchangeOf(values: ContextValues): Exchange {
  const exchange = values.get(exchangeKey);
  invariant(exchange !== undefined, "every call belongs to an exchange");
  return exchange;
}

/** Lets the call use `service`, as far as its caller may. */
export function admitTo(service: Service, values: ContextValues): void {
  values.set(serviceKey, service);
}

export function serviceOf(values: ContextValues): Service {
  const service = values.get(serviceKey);
  invariant(service !== undefined, "every call was admitted");
  return service;
}
