import { hash } from "../dataset/hash.ts";
import type { Found } from "../stores/contender.ts";
import { readWorkload } from "./read-workload.ts";
import type { Workload } from "./workload.ts";

export const newest: Workload = readWorkload<Uint8Array | undefined, Found | undefined>({
  id: "W3",
  title: "get the newest version",
  target: { bound: 550_000, timesBestPeer: 1.3 },
  read({ keys, dataset }) {
    const indexOf = (number: number) => hash(number) % keys.length;
    return {
      sync: (reads, number) => reads.newest(keys[indexOf(number)]!),
      async: (reads, number) => reads.newest(keys[indexOf(number)]!),
      check: (answers, number, found) => answers.expect(found, indexOf(number), dataset.versions - 1),
    };
  },
});
