/** How much a client wants what it accepts, by the parameters behind it: `q=0.5`; 1 without. */
export function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
}
