import { hash, hashPair } from "../dataset/hash.ts";
import type { Row } from "../stores/contender.ts";
import { readWorkload } from "./read-workload.ts";
import type { Workload } from "./workload.ts";

const momentSeed = 12;
/** Of so many neighbours, 93 have a version at a random moment when each has ten. */
const spanKeys = 98;

export const scan: Workload = readWorkload<readonly Row[], readonly Row[]>({
  id: "W6",
  title: "scan as of a random moment, 93 keys",
  target: { bound: 12_000, timesBestPeer: 3 },
  read({ keys, dataset }) {
    const span = Math.min(spanKeys, keys.length - 1);
    const firstOf = (number: number) => hash(number) % (keys.length - span);
    const momentOf = (number: number) => dataset.moment(hashPair(number, momentSeed));
    return {
      sync(reads, number) {
        const first = firstOf(number);
        return reads.scan(keys[first]!, keys[first + span]!, momentOf(number));
      },
      async(reads, number) {
        const first = firstOf(number);
        return reads.scan(keys[first]!, keys[first + span]!, momentOf(number));
      },
      check(answers, number, rows) {
        const first = firstOf(number);
        const moment = momentOf(number);
        let at = 0;
        for (let index = first; index < first + span; index++) {
          const version = dataset.versionAt(index, moment);
          if (version < 0) continue;
          const row = rows[at++];
          answers.expectKey(row?.key, keys[index]!);
          answers.expect(row?.value, index, version);
        }
        answers.expectCount(rows.length, at, `rows of a scan from key ${first}`);
      },
    };
  },
});
