import { hash, hashPair } from "../dataset/hash.ts";
import type { Found } from "../stores/contender.ts";
import { readWorkload } from "./read-workload.ts";
import type { Workload } from "./workload.ts";

const momentSeed = 11;

export const asOf: Workload = readWorkload<Uint8Array | undefined, Found | undefined>({
  id: "W4",
  title: "get as of a random moment",
  target: { bound: 500_000, timesBestPeer: 1.75 },
  read({ keys, dataset }) {
    const indexOf = (number: number) => hash(number) % keys.length;
    const momentOf = (number: number) => dataset.moment(hashPair(number, momentSeed));
    return {
      sync: (reads, number) => reads.asOf(keys[indexOf(number)]!, momentOf(number)),
      async: (reads, number) => reads.asOf(keys[indexOf(number)]!, momentOf(number)),
      check(answers, number, found) {
        const index = indexOf(number);
        answers.expect(found, index, dataset.versionAt(index, momentOf(number)));
      },
    };
  },
});
