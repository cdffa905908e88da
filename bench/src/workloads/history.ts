import { hash } from "../dataset/hash.ts";
import { readWorkload } from "./read-workload.ts";
import type { Workload } from "./workload.ts";

export const history: Workload = readWorkload<readonly Uint8Array[], readonly Uint8Array[]>({
  id: "W5",
  title: "history of a key",
  target: { bound: 200_000, timesBestPeer: 3 },
  read({ keys, dataset: { versions } }) {
    const indexOf = (number: number) => hash(number) % keys.length;
    return {
      sync: (reads, number) => reads.history(keys[indexOf(number)]!),
      async: (reads, number) => reads.history(keys[indexOf(number)]!),
      check(answers, number, values) {
        const index = indexOf(number);
        answers.expectCount(values.length, versions, `versions of key ${index}`);
        for (let at = 0; at < versions; at++) answers.expect(values[at], index, versions - 1 - at);
      },
    };
  },
});
