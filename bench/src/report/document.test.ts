import { expect, it } from "vitest";
import { replaceSection } from "./document.ts";

it("adds a section that is missing, and then replaces it and nothing else", () => {
  const first = replaceSection("# Title\n\nText.\n", "peers", "one\n");
  expect(first).toMatch(/^# Title\n\nText\.\n\n<!-- peers: begin.* -->\none\n<!-- peers: end -->\n$/);
  const other = replaceSection(first, "growth", "plots");
  const second = replaceSection(`${other}\nTail.\n`, "peers", "two");
  expect(second).toBe(`${other}\nTail.\n`.replace("one", "two"));
});

it("begins a page that is empty", () => {
  expect(replaceSection("", "peers", "one")).toMatch(/^<!-- peers: begin.* -->\none\n<!-- peers: end -->\n$/);
});

it("refuses a page with half a pair of markers", () => {
  expect(() => replaceSection("<!-- peers: end -->", "peers", "one")).toThrow("markers of peers");
});
