import { hash } from "../dataset/hash.ts";
import type { Found } from "../stores/contender.ts";
import { readWorkload } from "./read-workload.ts";
import type { Workload } from "./workload.ts";

export const absent: Workload = readWorkload<Uint8Array | undefined, Found | undefined>({
  id: "W10",
  title: "get an absent key",
  target: { bound: 1_500_000 },
  read({ keys, dataset }) {
    const missing = keys.map((_, index) => dataset.absentKey(index));
    const keyOf = (number: number) => missing[hash(number) % missing.length]!;
    return {
      sync: (reads, number) => reads.newest(keyOf(number)),
      async: (reads, number) => reads.newest(keyOf(number)),
      check: (answers, number, found) => answers.expect(found, hash(number) % missing.length, -1),
    };
  },
});
