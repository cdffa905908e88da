import { fromHex, prefixEnd, type ResolvedRange, toHex } from "@kvts/common";

/** By prefix, in hexadecimal: how long history is kept, in microseconds; undefined for ever. */
export type ModelPolicies = ReadonlyMap<string, number | undefined>;
/** By prefix, in hexadecimal: how far history is cut, in microseconds. */
export type ModelHorizons = ReadonlyMap<string, number>;

export const NO_HORIZONS: ModelHorizons = new Map();

/** Of a key in hexadecimal: the horizon of its longest prefix that has one. */
export function horizonOf(horizons: ModelHorizons, id: string): number {
  return longestOf(horizons, id)?.[1] ?? 0;
}

/** The greatest horizon that a key of a range may have, whether there is such a key or not. */
export function greatestHorizon(horizons: ModelHorizons, { start, end }: ResolvedRange): number {
  const prefixes = [...horizons.keys()].map((id) => fromHex(id)!);
  const bounds = [start, ...prefixes, ...prefixes.flatMap((prefix) => prefixEnd(prefix) ?? [])].map(toHex);
  const from = toHex(start);
  const within = bounds.filter((id) => id >= from && (end === undefined || id < toHex(end)));
  return Math.max(0, ...within.map((id) => horizonOf(horizons, id)));
}

/**
 * The horizons once a policy has been set, taken away, or time has passed: a new prefix has that of the next shorter one,
 * and each moves up to what its policy wants at `now`.
 */
export function movedHorizons(policies: ModelPolicies, horizons: ModelHorizons, now: number): Map<string, number> {
  const moved = new Map(horizons);
  for (const id of policies.keys()) if (!moved.has(id)) moved.set(id, horizonOf(horizons, id));
  for (const [id, horizon] of moved) {
    const keepFor = longestOf(policies, id)?.[1];
    if (keepFor !== undefined) moved.set(id, Math.max(horizon, now - keepFor));
  }
  return moved;
}

function longestOf<T>(items: ReadonlyMap<string, T>, id: string): readonly [string, T] | undefined {
  const matching = [...items].filter(([prefix]) => id.startsWith(prefix));
  return matching.sort(([a], [b]) => b.length - a.length)[0];
}
