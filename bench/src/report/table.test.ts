import { expect, it } from "vitest";
import type { Line } from "./compare.ts";
import { comparisonJson } from "./json.ts";
import { comparisonTable, tableMarkdown, tableText } from "./table.ts";

const lines: readonly Line[] = [
  {
    metric: { id: "W3", title: "get", unit: "per second", target: { bound: 550_000 } },
    kvts: 612_345.6,
    spread: 0.1,
    peers: { lmdb: 338_000 },
    best: "lmdb",
    ratio: 1.8117,
    isMet: true,
  },
  {
    metric: { id: "memory", title: "memory", unit: "MB" },
    kvts: 123.4,
    spread: 0,
    peers: {},
    best: undefined,
    ratio: undefined,
    isMet: undefined,
  },
];

it("lines up for a terminal", () => {
  expect(tableText(comparisonTable(lines, ["lmdb", "sqlite"]))).toBe(
    [
      "workload     kvts     lmdb  sqlite  ratio  must reach",
      "W3 get    612 k/s  338 k/s       –  1.81×   ≥ 550 k/s  met",
      "memory     123 MB        –       –      –",
      "",
    ].join("\n"),
  );
});

it("is a table in Markdown", () => {
  expect(tableMarkdown(comparisonTable(lines, ["lmdb"]))).toBe(
    [
      "| workload | kvts | lmdb | ratio | must reach |  |",
      "| --- | --: | --: | --: | --: | --: |",
      "| W3 get | 612 k/s | 338 k/s | 1.81× | ≥ 550 k/s | met |",
      "| memory | 123 MB | – | – |  |  |",
      "",
    ].join("\n"),
  );
});

it("is an object by metric for programs", () => {
  expect(comparisonJson(lines)).toEqual({
    W3: { kvts: 612_300, peers: { lmdb: 338_000 }, ratio: 1.812, unit: "per second", met: true },
    memory: { kvts: 123.4, peers: {}, ratio: null, unit: "MB", met: null },
  });
});
