/** Most characters of a caller's own text in an error's sentence. */
const charactersMax = 80;

/** Any value that a caller may have passed, briefly, for an error's sentence. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > charactersMax ? `${value.slice(0, charactersMax - 3)}...` : value);
}
