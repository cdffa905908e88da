import type { CompactionDebt } from "../compaction/pace.ts";
import { levelScore, type PickerSettings } from "../compaction/picker.ts";
import type { Layers } from "../layers.ts";
import type { Version } from "../manifest/version.ts";

/** What memory and tables make of the debt of background work; looked at often, so sums are kept for as long as a version lasts. */
export class Debt {
  readonly #layers: Layers;
  readonly #current: () => Version;
  readonly #picker: PickerSettings;
  #version: Version | undefined;
  #levelScore = 0;

  constructor(layers: Layers, current: () => Version, picker: PickerSettings) {
    this.#layers = layers;
    this.#current = current;
    this.#picker = picker;
  }

  now(): CompactionDebt {
    const version = this.#current();
    if (version !== this.#version) {
      this.#version = version;
      this.#levelScore = this.#fullestLevel(version);
    }
    return {
      level0Tables: version.levels[0]!.files.length,
      levelScore: this.#levelScore,
      memoryFill: this.#layers.frozen.length === 0 ? 0 : this.#layers.activeFill,
    };
  }

  /** The last level has no bound. */
  #fullestLevel({ levels }: Version): number {
    const tables = levels.map(({ files }) => files.map(({ meta }) => meta));
    let most = 0;
    for (let level = 1; level < tables.length - 1; level++) {
      most = Math.max(most, levelScore(tables, level, this.#picker));
    }
    return most;
  }
}
