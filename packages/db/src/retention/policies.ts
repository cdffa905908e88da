import { compareBytes, equalBytes, invalidArgument } from "@kvts/common";
import type { Horizon, Policy, RetentionState } from "./horizon.ts";
import { horizonAt } from "./horizons.ts";
import { longestPrefix } from "./prefixes.ts";

/** Prefixes that may have horizons. Every table's footer lists them. */
export const PREFIXES_MAX = 256;

/** A horizon moves once it is behind by this share of `keepFor`, within these bounds in microseconds. */
const STEP_SHARE = 1 / 100;
const STEP_MIN = 1_000_000;
const STEP_MAX = 3_600_000_000;

/** How far a horizon has to be behind to be worth a move, in microseconds. */
export function horizonStep(keepFor: number): number {
  return Math.min(STEP_MAX, Math.max(STEP_MIN, Math.floor(keepFor * STEP_SHARE)));
}

/** With another policy. Its prefix goes on with the horizon that its keys have. @throws INVALID_ARGUMENT for too many */
export function withPolicy(state: RetentionState, policy: Policy): RetentionState {
  const policies = [...without(state.policies, policy.prefix), policy].sort(byPrefix);
  const isKnown = state.horizons.some(({ prefix }) => equalBytes(prefix, policy.prefix));
  if (isKnown) return { ...state, policies };
  if (state.horizons.length >= PREFIXES_MAX) {
    throw invalidArgument(
      `retention is set for ${PREFIXES_MAX} prefixes at most, those counted whose policies are gone while their history stays cut; use shorter prefixes`,
    );
  }
  const horizon = { prefix: policy.prefix, timestamp: horizonAt(state.horizons, policy.prefix) };
  return { policies, horizons: [...state.horizons, horizon].sort(byPrefix) };
}

/** Policies and horizons that come from different places: every policy's prefix has a horizon. */
export function withHorizons(policies: readonly Policy[], horizons: readonly Horizon[]): RetentionState {
  const missing = policies.filter(({ prefix }) => !horizons.some((horizon) => equalBytes(horizon.prefix, prefix)));
  const added = missing.map(({ prefix }) => ({ prefix, timestamp: horizonAt(horizons, prefix) }));
  return { policies, horizons: [...horizons, ...added].sort(byPrefix) };
}

/** Without a policy. Its horizon stays as long as it says something. */
export function withoutPolicy(state: RetentionState, prefix: Uint8Array): RetentionState {
  return pruned({ ...state, policies: without(state.policies, prefix) });
}

/**
 * With every horizon where its policy wants it at `now`, and none below where it was.
 * @param inSteps leaves out moves that are not worth it yet
 */
export function advanced(state: RetentionState, now: number, inSteps: boolean): RetentionState {
  const { policies, horizons } = state;
  const due = new Set<Policy>();
  for (const { prefix, timestamp } of horizons) {
    const policy = longestPrefix(policies, prefix);
    if (policy?.keepFor === undefined) continue;
    const behind = target(policy.keepFor, now) - timestamp;
    if (behind > 0 && (!inSteps || behind >= horizonStep(policy.keepFor))) due.add(policy);
  }
  if (due.size === 0) return state;
  const move = (horizon: Horizon): Horizon => {
    const policy = longestPrefix(policies, horizon.prefix);
    if (policy === undefined || !due.has(policy)) return horizon;
    return { ...horizon, timestamp: Math.max(horizon.timestamp, target(policy.keepFor, now)) };
  };
  return pruned({ policies, horizons: horizons.map(move) });
}

function target(keepFor: number | undefined, now: number): number {
  return keepFor === undefined ? 0 : Math.max(0, now - keepFor);
}

/** Without the horizons that no policy holds and that say no more than the next shorter prefix does. */
function pruned({ policies, horizons }: RetentionState): RetentionState {
  const kept: Horizon[] = [];
  for (const horizon of horizons.toSorted((a, b) => a.prefix.length - b.prefix.length)) {
    const isHeld = policies.some(({ prefix }) => equalBytes(prefix, horizon.prefix));
    if (isHeld || horizonAt(kept, horizon.prefix) !== horizon.timestamp) kept.push(horizon);
  }
  return { policies, horizons: kept.sort(byPrefix) };
}

function without(policies: readonly Policy[], prefix: Uint8Array): Policy[] {
  return policies.filter((policy) => !equalBytes(policy.prefix, prefix));
}

function byPrefix(a: { readonly prefix: Uint8Array }, b: { readonly prefix: Uint8Array }): number {
  return compareBytes(a.prefix, b.prefix);
}
