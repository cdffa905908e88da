import type { ContenderName } from "../stores/registry.ts";
import type { Figures } from "../workloads/workload.ts";

/** What was measured, over all runs. */
export class Samples {
  readonly #values: Map<string, number[]> = new Map();

  add(contender: ContenderName, figures: Figures): void {
    for (const [metric, value] of Object.entries(figures)) {
      const name = nameOf(contender, metric);
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [value]);
      else values.push(value);
    }
  }

  /** Empty where the store does not have that metric. */
  of(contender: ContenderName, metric: string): readonly number[] {
    return this.#values.get(nameOf(contender, metric)) ?? [];
  }
}

function nameOf(contender: ContenderName, metric: string): string {
  return `${contender} ${metric}`;
}
