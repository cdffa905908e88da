import type { LoadOrder } from "../dataset/dataset.ts";
import type { ContenderName } from "../stores/registry.ts";

/** What grows: entries at ten versions a key, or versions a key with the entries staying as many. */
export type Axis = "entries" | "versions";

/** One line of a plot: a store, and how it is used. */
export interface Series {
  readonly name: string;
  readonly contender: ContenderName;
  readonly memoryBytes: number;
  readonly order: LoadOrder;
}
