import { Buffer } from "node:buffer";
import type { Random } from "./random.ts";

/** How the keys of a pool resemble each other: each kind is hard on another part of the engine. */
export type KeyKind = "short" | "ascii" | "shared8" | "shared256" | "shared65000" | "zeros" | "binary" | "mixed";

const KINDS: readonly KeyKind[] = ["short", "ascii", "shared8", "shared256", "zeros", "binary", "mixed"];

/** Distinct keys, those that a run writes and some that it only asks for. */
export interface KeyPool {
  readonly kind: KeyKind;
  readonly keys: readonly Uint8Array[];
  readonly strangers: readonly Uint8Array[];
}

/** @param longKeys whether keys of about 65,000 bytes may come up, which make a run slow. */
export function randomKeyPool(random: Random, longKeys: boolean): KeyPool {
  const kind = longKeys && random.chance(0.5) ? "shared65000" : random.pick(KINDS);
  const count = kind === "shared65000" ? random.between(2, 6) : random.pick([2, 5, 20, 60]);
  const prefix = random.bytes(300);
  const keys = new Map<string, Uint8Array>();
  for (let tries = 0; keys.size < count && tries < count * 4; tries++) {
    const key = keyOf(kind, random, prefix);
    keys.set(Buffer.from(key).toString("latin1"), key);
  }
  const all = [...keys.values()];
  const strangers = Math.floor(all.length / 4);
  return { kind, keys: all.slice(strangers), strangers: all.slice(0, strangers) };
}

function keyOf(kind: KeyKind, random: Random, prefix: Uint8Array): Uint8Array {
  switch (kind) {
    case "short":
      return tail(random, 1, 3);
    case "ascii":
      return new TextEncoder().encode(`${random.pick(["user", "user/", "useR", ""])}${random.below(100)}`);
    case "shared8":
      return joined(prefix.subarray(0, 8), tail(random, 0, 4));
    case "shared256":
      return joined(prefix.subarray(0, 256), tail(random, 0, 9));
    case "shared65000":
      return joined(new Uint8Array(65_000).fill(prefix[0]!), tail(random, 0, random.pick([3, 535])));
    case "zeros":
      return joined(prefix.subarray(0, random.between(1, 3)), new Uint8Array(random.between(0, 9)));
    case "binary":
      return random.bytes(random.between(1, 24));
    case "mixed":
      return keyOf(random.pick(["short", "ascii", "shared8", "shared256", "zeros", "binary"]), random, prefix);
  }
}

/** Few different bytes, so that keys are prefixes of each other; 0xff has no successor in its place. */
function tail(random: Random, bytesMin: number, bytesMax: number): Uint8Array {
  return Uint8Array.from({ length: random.between(bytesMin, bytesMax) }, () => random.pick([0, 1, 0x61, 0x80, 0xff]));
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
