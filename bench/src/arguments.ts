import { type PeerName, peerNames } from "./stores/registry.ts";

/** Readers of command-line values. Each throws one sentence that says what is possible. */

export function list(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim());
}

export function peerList(text: string): readonly PeerName[] {
  return text === "none" ? [] : list(text).map(peerName);
}

export function integer(text: string, name: string, least: number, most: number): number {
  const value = number(text, name);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} is a whole number from ${least} to ${most}, not ${text}`);
}

export function number(text: string, name: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`--${name} is a number above 0, not ${text}`);
}

function peerName(text: string): PeerName {
  const found = peerNames.find((name) => name === text);
  if (found === undefined) throw new RangeError(`there is no peer ${text}; there are ${peerNames.join(", ")}, or none`);
  return found;
}
