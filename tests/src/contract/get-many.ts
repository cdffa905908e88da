import { type Operation, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { manyItems as many, type Subject, uniqueKey } from "./subject.ts";

export function getManyTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("getMany answers in the order asked, with repeats and gaps", async () => {
    const prefix = uniqueKey();
    await store().write(
      ["a", "b", "c"].map((k): Operation => ({ op: "put", key: prefix + k, value: k, timestamp: 10 })),
    );
    await store().delete(`${prefix}b`, { timestamp: 20 });
    const asked = ["c", "x", "a", "b", "c", "a", "y"].map((k) => prefix + k);
    const texts = async (options?: object): Promise<unknown[]> =>
      (await store().getMany(asked, options)).map((entry) => entry?.text());
    expect(await texts()).toEqual(["c", undefined, "a", undefined, "c", "a", undefined]);
    expect(await texts({ asOf: 10 })).toEqual(["c", undefined, "a", "b", "c", "a", undefined]);
    expect(await texts({ asOf: 9 })).toEqual(asked.map(() => undefined));
    expect(await store().getMany([])).toEqual([]);
    expect((await store().getMany([utf8(asked[0]!), asked[2]!])).map((entry) => entry?.key)).toEqual([
      asked[0],
      asked[2],
    ]);
  });

  test(`getMany takes ${many} keys`, async () => {
    const prefix = uniqueKey();
    const keys = Array.from({ length: many }, (_, i) => `${prefix}${(i * 7) % many}`);
    await store().write(keys.filter((_, i) => i % 3 !== 0).map((key): Operation => ({ op: "put", key, value: key })));
    const answers = await store().getMany(keys);
    expect(answers.map((entry) => entry?.text())).toEqual(keys.map((key, i) => (i % 3 === 0 ? undefined : key)));
  });
}
