import type { ListRetentionResponse, RetentionPolicy } from "@kvts/api";
import { checkKeepFor, type KeepFor, type RetentionPolicy as Policy, type RetentionResult } from "@kvts/common";
import { numberOut, timestampIn } from "./numbers.ts";

type Fields<T> = Omit<T, "$typeName" | "$unknown">;

/** Microseconds; `null` for ever. @throws INVALID_ARGUMENT */
export function keepForIn(value: bigint | undefined): number | null {
  return timestampIn(value, "keep_for") ?? null;
}

export function retentionOut({ horizon, trimmed }: RetentionResult) {
  if (trimmed === undefined) return { horizon: numberOut(horizon) };
  const { versions, bytes } = trimmed;
  return { horizon: numberOut(horizon), trimmed: { versions: numberOut(versions), bytes: numberOut(bytes) } };
}

export function policiesOut(policies: readonly Policy<Uint8Array>[]): {
  policies: Fields<ListRetentionResponse["policies"][number]>[];
} {
  return { policies: policies.map(policyOut) };
}

function policyOut({ prefix, keepFor, horizon }: Policy<Uint8Array>): Fields<RetentionPolicy> {
  const micros = checkKeepFor(keepFor satisfies KeepFor);
  return { prefix, horizon: numberOut(horizon), ...(micros !== undefined && { keepFor: numberOut(micros) }) };
}
