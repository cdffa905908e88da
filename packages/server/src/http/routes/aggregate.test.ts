import { expect, test } from "vitest";
import { problemOf, served } from "../../testing/harness.ts";

async function withNumbers(): Promise<Awaited<ReturnType<typeof served>>> {
  const it = await served();
  for (let at = 0; at < 10; at++) await it.store.put("k", String(at), { timestamp: at * 1_000_000 });
  await it.store.put("k", "text", { timestamp: 4_500_000 });
  return it;
}

test("the numbers of each step, in pages at one seq", async () => {
  const it = await withNumbers();
  const page = async (query: string) => {
    const response = await it.fetch(`/v1/keys/k/aggregate?step=2s&from=1000000&pageSize=2${query}`);
    expect(response.status, await response.clone().text()).toBe(200);
    return (await response.json()) as { items: unknown[]; nextPageToken?: string; seq: number };
  };
  const first = await page("");
  await it.store.put("k", "99", { timestamp: 5_000_001 });
  const second = await page(`&pageToken=${first.nextPageToken}`);
  const third = await page(`&pageToken=${second.nextPageToken}`);
  expect([first.seq, second.seq, third.seq]).toEqual([11, 11, 11]);
  const bucket = (seconds: number, figures: object) => {
    return { timestamp: seconds * 1e6, time: `1970-01-01T00:00:0${seconds}.000000Z`, skipped: 0, ...figures };
  };
  const two = (least: number) => {
    return { count: 2, first: least, last: least + 1, min: least, max: least + 1, mean: least + 0.5 };
  };
  expect([...first.items, ...second.items, ...third.items]).toEqual([
    bucket(0, { count: 1, first: 1, last: 1, min: 1, max: 1, mean: 1 }),
    bucket(2, two(2)),
    bucket(4, { ...two(4), skipped: 1 }),
    bucket(6, two(6)),
    bucket(8, two(8)),
  ]);
  expect(third).not.toHaveProperty("nextPageToken");
});

test("a step may be given in microseconds, moments as everywhere", async () => {
  const { fetch } = await withNumbers();
  const answer = await fetch("/v1/keys/k/aggregate?step=1000000&from=1970-01-01T00:00:08Z&to=now");
  expect(await answer.json()).toMatchObject({ items: [{ last: 8 }, { last: 9 }] });
});

test.each([
  ["/v1/keys/k/aggregate", 400, "step"],
  ["/v1/keys/k/aggregate?step=0", 400, "step must be a duration"],
  ["/v1/keys/k/aggregate?step=soon", 400, "step must be a duration"],
  ["/v1/keys/k/aggregate?step=99999999999999999", 400, "step must be a duration"],
  ["/v1/keys/k/aggregate?step=1h&from=soon", 400, "soon"],
  ["/v1/keys/k/aggregate?step=1h&reverse=true", 400, '"reverse"'],
  ["/v1/keys/k/aggregate?step=1h&pageToken=nonsense", 400, "page token"],
  ["/v1/keys//aggregate?step=1h", 400, "at least one byte"],
])("GET %s is refused", async (target, status, part) => {
  const { fetch } = await served();
  const problem = await problemOf(await fetch(target));
  expect([problem.status, problem.detail]).toEqual([status, expect.stringContaining(part)]);
});

test("a token serves its own step alone", async () => {
  const { fetch } = await withNumbers();
  const { nextPageToken } = (await (await fetch("/v1/keys/k/aggregate?step=1s&pageSize=1")).json()) as {
    nextPageToken: string;
  };
  const other = await problemOf(await fetch(`/v1/keys/k/aggregate?step=2s&pageSize=1&pageToken=${nextPageToken}`));
  expect(other).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
});
