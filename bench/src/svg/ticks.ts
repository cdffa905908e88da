const steps = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 to the first that is not below `most`: `count` of them or a few more. */
export function linearTicks(most: number, count: number): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * steps.find((factor) => factor * magnitude >= rough * (1 - 1e-9))!;
  const last = Math.ceil(most / step - 1e-9);
  return Array.from({ length: last + 1 }, (_, at) => at * step);
}

/** A number for an axis: 1.5 k, 20 M. */
export function shortNumber(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}
