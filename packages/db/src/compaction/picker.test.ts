import { describe, expect, test } from "vitest";
import {
  dropsRetracts,
  type PickableTable,
  type PickerSettings,
  pickAtRest,
  pickCompaction,
  pickEverything,
  pickForReads,
} from "./picker.ts";

const SETTINGS: PickerSettings = { level0Tables: 2, level1BytesMax: 100, levelFactor: 10, pickBytesMax: 1000 };
const KEYS = new TextEncoder();

/** `number:smallest-largest`, and optionally `/bytes` (10) and `#minSeq-maxSeq` (10 × number and 9 on). */
function table(text: string): PickableTable & { readonly text: string } {
  const [, number, smallest, largest, bytes, minSeq, maxSeq] = /^(\d+):(\w+)-(\w+)(?:\/(\d+))?(?:#(\d+)-(\d+))?$/.exec(
    text,
  )!;
  return {
    text,
    number: Number(number),
    entryCount: 15_000,
    fileBytes: Number(bytes ?? 10),
    smallest: KEYS.encode(smallest!),
    largest: KEYS.encode(largest!),
    minSeq: Number(minSeq ?? Number(number) * 10),
    maxSeq: Number(maxSeq ?? Number(number) * 10 + 9),
  };
}

/** Levels from 0 on, tables apart by spaces. */
function levels(...texts: string[]): ReturnType<typeof table>[][] {
  return Array.from({ length: 7 }, (_, level) => (texts[level] ?? "").split(" ").filter(Boolean).map(table));
}

function picked(
  texts: readonly string[],
  settings: Partial<PickerSettings> = {},
  resumeKeys: readonly string[] = [],
): string {
  const resume = resumeKeys.map((key) => (key === "" ? undefined : KEYS.encode(key)));
  const pick = pickCompaction(levels(...texts), { ...SETTINGS, ...settings }, resume);
  if (pick === undefined) return "nothing";
  const numbers = pick.inputs.map((input) => input.number).join(" ");
  return `${pick.move ? "move" : "merge"} ${numbers} to ${pick.outputLevel}, then behind ${new TextDecoder().decode(pick.resumeKey)}`;
}

describe("the most pressing compaction", () => {
  test.each<[string, string[], string]>([
    ["an empty store has none", [], "nothing"],
    ["one table in level 0 waits", ["1:a-z"], "nothing"],
    ["two are merged", ["2:a-z 1:a-z"], "merge 1 2 to 1, then behind z"],
    ["two that do not overlap only move", ["2:n-z 1:a-m"], "move 1 2 to 1, then behind z"],
    ["unless level 1 has something there", ["2:n-z 1:a-m", "3:m-o"], "merge 1 2 3 to 1, then behind z"],
    ["what overlaps nothing moves first", ["3:p-s 2:f-m 1:a-f"], "move 3 to 1, then behind s"],
    [
      "one merge takes what hangs together",
      ["5:q-r 4:p-s 3:r-z 2:a-c 1:a-b", "6:d-o 7:z-z"],
      "merge 3 4 5 7 to 1, then behind z",
    ],
    ["tables of level 1 outside their keys stay", ["2:f-m 1:f-m", "3:a-e 4:n-z"], "merge 1 2 to 1, then behind m"],
    ["one shared key is an overlap", ["2:f-m 1:f-m", "3:a-f 4:m-z"], "merge 1 2 3 4 to 1, then behind m"],
    ["a level within its bytes waits", ["", "1:a-m/50 2:n-z/49"], "nothing"],
    ["a full one gives up a table", ["", "1:a-m/50 2:n-z/60"], "move 1 to 2, then behind m"],
    ["what lies below it is merged with it", ["", "1:a-m/50 2:n-z/60", "3:k-o"], "merge 1 3 to 2, then behind m"],
    ["the fuller level goes first", ["", "1:a-m/110", "2:a-m/3000"], "move 2 to 3, then behind m"],
    ["a deeper level may hold more", ["", "1:a-m/110", "2:a-m/900"], "merge 1 2 to 2, then behind m"],
    ["level 0 goes first where both are equally full", ["2:a-b 1:a-b", "3:a-m/100"], "merge 1 2 3 to 1, then behind b"],
    ["the last level has no bound", ["", "", "", "", "", "", "1:a-m/100000000"], "nothing"],
    ["the last but one has", ["", "", "", "", "", "1:a-m/1000001"], "move 1 to 6, then behind m"],
  ])("%s", (_, texts, expected) => {
    expect(picked(texts)).toBe(expected);
  });

  test("goes round a level, and begins again behind its last table", () => {
    const texts = ["", "1:a-c/50 2:d-f/50 3:g-i/50"];
    expect(picked(texts, {}, ["", ""])).toBe("move 1 to 2, then behind c");
    expect(picked(texts, {}, ["", "c"])).toBe("move 2 to 2, then behind f");
    expect(picked(texts, {}, ["", "f"])).toBe("move 3 to 2, then behind i");
    expect(picked(texts, {}, ["", "i"])).toBe("move 1 to 2, then behind c");
  });

  test("of a full level moves what it can, and merges only what it has to", () => {
    const full = "1:a-c/50 2:d-f/50 3:g-i/50 4:j-l/50";
    expect(picked(["", full, "5:g-h"], { pickBytesMax: 11_000 })).toBe("move 1 2 to 2, then behind f");
    expect(picked(["", full, "5:c-d"], { pickBytesMax: 11_000 })).toBe("merge 1 2 5 to 2, then behind f");
    expect(picked(["", full, "5:b-c"], { pickBytesMax: 11_000 })).toBe("merge 1 5 to 2, then behind c");
  });

  test("takes no more than it may, and one table at least", () => {
    expect(picked(["3:a-z/600 2:a-z/600 1:a-z/600"], { pickBytesMax: 1200 })).toBe("merge 1 2 to 1, then behind z");
    expect(picked(["3:a-z/600 2:a-z/600 1:a-z/600"], { pickBytesMax: 1 })).toBe("move 1 to 1, then behind z");
    // What lies above its bound and no more.
    expect(picked(["", "1:a-c/50 2:d-f/50 3:g-i/50 4:j-l/50"], { pickBytesMax: 11_000 })).toBe(
      "move 1 2 to 2, then behind f",
    );
  });
});

describe("a merge of everything", () => {
  test("goes to the deepest level that holds anything, level 1 at least", () => {
    expect(pickEverything(levels())).toBeUndefined();
    expect(pickEverything(levels("1:a-b"))).toMatchObject({ outputLevel: 1, move: false });
    const deep = pickEverything(levels("1:a-b", "2:a-c", "", "3:d-e"));
    expect(deep).toMatchObject({ outputLevel: 3, resumeKey: KEYS.encode("e") });
    expect(deep!.inputs.map(({ number }) => number)).toEqual([1, 2, 3]);
  });
});

describe("retracts may go where no table outside can hold what they hide", () => {
  test.each<[string, string[], number[], boolean]>([
    ["all tables take part", ["1:a-m", "2:a-z"], [1, 2], true],
    ["an older one with the key stays outside", ["2:a-m", "1:a-z"], [2], false],
    ["an older one with other keys", ["2:a-m", "1:n-z"], [2], true],
    ["an older one with a shared key", ["2:a-m", "1:m-z"], [2], false],
    ["a younger one", ["2:a-m 1:a-m"], [1], true],
    ["one whose seqs begin within", ["2:a-m#15-30 1:a-m#10-19"], [1], false],
    ["one whose seqs begin at its last", ["2:a-m#19-30 1:a-m#10-19"], [1], true],
  ])("%s", (_, texts, chosen, drops) => {
    const all = levels(...texts);
    const inputs = all.flat().filter(({ number }) => chosen.includes(number));
    expect(dropsRetracts(all, inputs)).toBe(drops);
  });
});

describe("a merge that reads have paid for", () => {
  function pickedFor(probes: number, ...texts: string[]): string {
    const pick = pickForReads(levels(...texts), SETTINGS, probes);
    return pick === undefined ? "nothing" : pick.inputs.map((input) => input.number).join(" ");
  }

  test("level 0 is merged once reads have looked into it as often as the merge moves versions", () => {
    // Two inputs of 15,000 versions; table 3 does not overlap.
    expect(pickedFor(29_999, "1:a-c", "2:b-d 3:x-z")).toBe("nothing");
    expect(pickedFor(30_000, "1:a-c", "2:b-d 3:x-z")).toBe("1 2");
  });

  test("a small level 0 waits for a least number of looks", () => {
    expect(pickedFor(19_999, "1:a-c")).toBe("nothing");
    expect(pickedFor(20_000, "1:a-c")).toBe("1");
  });

  test("an empty level 0 never", () => {
    expect(pickedFor(1e9, "", "2:b-d")).toBe("nothing");
  });
});

describe("a merge at rest", () => {
  test.each<[string, string[], string]>([
    ["an empty level 0 asks for none", ["", "1:a-z"], "nothing"],
    ["a single table moves, however large", ["1:a-z/500"], "move 1"],
    ["up to eight bytes are written for one of level 0", ["1:a-z/10", "2:a-k/40 3:l-z/30"], "merge 1 2 3"],
    ["more are not", ["1:a-z/10", "2:a-k/40 3:l-z/31"], "nothing"],
    ["unless level 0 does not overlap it", ["1:l-m/10", "2:a-k/40 3:n-z/3000"], "move 1"],
    ["two tables pay together", ["1:a-z/10 2:b-c/10", "3:a-z/140"], "merge 1 2 3"],
  ])("%s", (_, texts, expected) => {
    const pick = pickAtRest(levels(...texts), SETTINGS);
    const inputs = pick?.inputs.map(({ number }) => number).join(" ");
    expect(pick === undefined ? "nothing" : `${pick.move ? "move" : "merge"} ${inputs}`).toBe(expected);
  });
});
