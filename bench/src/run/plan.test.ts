import { expect, it } from "vitest";
import { findWorkload, workloads } from "../workloads/catalogue.ts";
import { planGroups, planTrial } from "./plan.ts";

const named = (...ids: string[]) => ids.map(findWorkload);
const idsOf = (groups: ReturnType<typeof planGroups>) => groups.map((group) => group.workloads.map(({ id }) => id));

it("measures kvts before every peer, each workload on its own", () => {
  const groups = planGroups(named("W1", "W3"), ["lmdb", "sqlite"]);
  expect(idsOf(groups)).toEqual([["W1"], ["W3"]]);
  for (const { order, once } of groups) {
    expect(order).toEqual(["kvts", "lmdb", "kvts", "sqlite"]);
    expect(once).toBe(false);
  }
});

it("loads once for workloads that read, where loading was not asked for", () => {
  const [load, read] = planGroups(named("W3"), ["lmdb", "sqlite"]);
  expect(load).toEqual({ workloads: named("W1"), order: ["kvts", "lmdb", "sqlite"], once: true });
  expect(read).toMatchObject({ workloads: named("W3"), once: false });
});

it("loads nothing where nothing reads it", () => {
  expect(idsOf(planGroups(named("W2"), []))).toEqual([["W2"]]);
});

it("measures kvts alone without peers", () => {
  expect(planGroups(named("W2"), [])[0]!.order).toEqual(["kvts"]);
});

it("puts a trial run into two processes a store", () => {
  const groups = planTrial(workloads, ["lmdb"]);
  expect(idsOf(groups)[0]).toEqual(["W1"]);
  expect(idsOf(groups)[1]).toEqual(workloads.slice(1).map(({ id }) => id));
  expect(groups.map(({ order }) => order)).toEqual([
    ["kvts", "lmdb"],
    ["kvts", "lmdb"],
  ]);
});
