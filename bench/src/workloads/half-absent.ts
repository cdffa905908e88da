import { hash } from "../dataset/hash.ts";
import type { Found } from "../stores/contender.ts";
import { readWorkload } from "./read-workload.ts";
import type { Workload } from "./workload.ts";

export const halfAbsent: Workload = readWorkload<Uint8Array | undefined, Found | undefined>({
  id: "half-absent",
  title: "get the newest version, half of the keys absent",
  target: {},
  read({ keys, dataset }) {
    const missing = keys.map((_, index) => dataset.absentKey(index));
    const isAbsent = (number: number) => hash(number) % 2 === 0;
    const indexOf = (number: number) => (hash(number) >>> 1) % keys.length;
    const keyOf = (number: number) => (isAbsent(number) ? missing : keys)[indexOf(number)]!;
    return {
      sync: (reads, number) => reads.newest(keyOf(number)),
      async: (reads, number) => reads.newest(keyOf(number)),
      check: (answers, number, found) =>
        answers.expect(found, indexOf(number), isAbsent(number) ? -1 : dataset.versions - 1),
    };
  },
});
