import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

/** A text in the exposition format of Prometheus, version 0.0.4. The samples of one family come one after the other. */
export class Exposition {
  #text = "";

  get text(): string {
    return this.#text;
  }

  /** Begins a family. */
  family(name: string, type: "counter" | "gauge" | "histogram", help: string): void {
    this.#text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  sample(name: string, value: number, labels: Labels = {}): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.#text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}\n`;
  }

  /** The samples of one histogram: buckets that each include those before, sum and count. */
  histogram(name: string, { bounds, counts, sum }: Histogram, labels: Labels = {}): void {
    let count = 0;
    for (const [i, bound] of bounds.entries()) {
      count += counts[i]!;
      this.sample(`${name}_bucket`, count, { ...labels, le: String(bound) });
    }
    count += counts[bounds.length]!;
    this.sample(`${name}_bucket`, count, { ...labels, le: "+Inf" });
    this.sample(`${name}_sum`, sum, labels);
    this.sample(`${name}_count`, count, labels);
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}
