/** A metric with its samples, as Prometheus reads them. */
export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

export interface Sample {
  /** The family's, with what its type appends. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleShape = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const labelShape = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** Reads a text of the format 0.0.4, by family. @throws where Prometheus, or its conventions, would frown */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let current: readonly [string, Family] | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name, rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") helps.set(name!, unescaped(rest));
    else if (kind === "TYPE") {
      if (families.has(name!)) throw new Error(`${name} comes twice`);
      if (rest === "counter" && !name!.endsWith("_total"))
        throw new Error(`the counter ${name} does not end in _total`);
      const family = { type: rest, help: helps.get(name!) ?? "", samples: [] };
      families.set(name!, family);
      current = [name!, family];
    } else addSample(line, current);
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function addSample(line: string, current: readonly [string, Family] | undefined): void {
  const match = sampleShape.exec(line);
  if (match === null) throw new Error(`the line ${line} cannot be read`);
  const [, name = "", labelText = "", number = ""] = match;
  const [base, family] = current ?? ["", undefined];
  const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (family === undefined || !suffixes.some((suffix) => name === base + suffix)) {
    throw new Error(`${name} is of no family that was begun`);
  }
  const sample = { name, labels: labelsOf(labelText, line), value: numberIn(number, name) };
  const key = JSON.stringify([sample.name, sample.labels]);
  if (family.samples.some((other) => JSON.stringify([other.name, other.labels]) === key)) {
    throw new Error(`${key} comes twice`);
  }
  family.samples.push(sample);
}

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelShape.lastIndex = 0;
  while (labelShape.lastIndex < text.length) {
    const match = labelShape.exec(text);
    if (match === null) throw new Error(`the labels of ${line} cannot be read`);
    labels[match[1]!] = unescaped(match[2]!);
  }
  return labels;
}

function numberIn(text: string, name: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "NaN") return Number.NaN;
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(text)) throw new Error(`${name} has the value ${text}`);
  return Number(text);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

/** Buckets include those before them, and the last is for everything. */
function checkHistogram(name: string, { samples }: Family): void {
  const series = new Map<string, { last: number; bound: string }>();
  for (const { name: sampleName, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    const before = series.get(key);
    if (sampleName === `${name}_bucket`) {
      if (value < (before?.last ?? 0)) throw new Error(`a bucket of ${name} shrinks`);
      series.set(key, { last: value, bound: le! });
    } else if (sampleName === `${name}_count` && (before?.bound !== "+Inf" || before.last !== value)) {
      throw new Error(`${name} does not end in a bucket +Inf of its count`);
    }
  }
}
