import { isKvtsError, type KvtsError } from "@kvts/common";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "../format/coding.ts";
import { Random } from "../testing/random.ts";
import { randomMeta, testMeta } from "../testing/test-tables.ts";
import { differingField, encodeTableMeta, type TableMeta } from "./table-meta.ts";
import { decodeEdit, encodeEdit, type VersionEdit } from "./version-edit.ts";

const number = fc.maxSafeNat();
const hex = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const bytes = fc.uint8Array({ maxLength: 5 });
const meta: fc.Arbitrary<TableMeta> = fc
  .tuple(fc.integer(), fc.integer({ min: 1 }))
  .map(([seed, number]) => randomMeta(new Random(seed), number));

const edit: fc.Arbitrary<VersionEdit> = fc.record(
  {
    incarnation: hex,
    nextFileNumber: number,
    logNumber: number,
    seqCeiling: number,
    timestampCeiling: number,
    seqFloor: number,
    closed: fc.record({ lastSeq: number, lastAssigned: number }),
    removed: fc.array(number, { minLength: 1, maxLength: 4 }),
    restores: fc.array(
      fc.record({
        seq: number,
        timestamp: number,
        range: fc.record({ start: bytes, end: fc.option(bytes, { nil: undefined }) }),
        to: number,
      }),
      { minLength: 1, maxLength: 2 },
    ),
    added: fc.array(fc.record({ level: fc.nat(6), meta }), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [] },
);

function failure(bytes: Uint8Array): unknown {
  try {
    return decodeEdit(bytes, "d/MANIFEST-000001", 64);
  } catch (error) {
    return error;
  }
}

/** Fields as the format has them. */
function fields(...list: [tag: number, bytes: Uint8Array][]): Uint8Array {
  const out = new ByteWriter();
  for (const [tag, bytes] of list) {
    out.varint(tag);
    out.blob(bytes);
  }
  return out.view();
}

describe("an edit", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(edit, (written) => {
        expect(decodeEdit(encodeEdit(written), "d/MANIFEST-000001", 64)).toEqual(written);
      }),
    );
  });

  test("may hold fields that a reader can do without, in tables too", () => {
    const table = testMeta(7, "a", "b");
    const known = encodeEdit({ logNumber: 5, added: [{ level: 2, meta: table }] });
    const withMore = Buffer.concat([fields([1001, Uint8Array.of(1, 2)]), known, fields([99, new Uint8Array(0)])]);
    expect(decodeEdit(withMore, "f", 0)).toEqual({ logNumber: 5, added: [{ level: 2, meta: table }] });
    const meta = Buffer.concat([Uint8Array.of(2), encodeTableMeta(table), fields([77, Uint8Array.of(9)])]);
    expect(decodeEdit(fields([18, meta]), "f", 0)).toEqual({ added: [{ level: 2, meta: table }] });
  });

  test("with a field that a reader cannot do without was written by a newer version", () => {
    const error = failure(fields([1000, Uint8Array.of(1)]));
    expect(isKvtsError(error, "UNIMPLEMENTED")).toBe(true);
    expect((error as Error).message).toMatch(
      /MANIFEST-000001 holds a field with tag 1000 at byte 67, which a newer version/,
    );
  });

  test.each<[string, Uint8Array]>([
    [
      "a level that does not exist",
      fields([18, Buffer.concat([Uint8Array.of(7), encodeTableMeta(testMeta(1, "a", "b"))])]),
    ],
    ["a table without a key", fields([18, Buffer.concat([Uint8Array.of(0), encodeTableMeta(testMeta(1, "", ""))])])],
    [
      "keys in the wrong order",
      fields([18, Buffer.concat([Uint8Array.of(0), encodeTableMeta(testMeta(1, "b", "a"))])]),
    ],
    ["an incarnation of another length", fields([2, new Uint8Array(15)])],
    ["a number with bytes to spare", fields([6, Uint8Array.of(1, 1)])],
    ["a table that lacks a number", fields([18, Uint8Array.of(0, 2, 1, 5)])],
  ])("with %s is damage", (_what, bytes) => {
    const error = failure(bytes);
    expect(isKvtsError(error, "CORRUPTION")).toBe(true);
    expect(error).toMatchObject({ details: { file: "d/MANIFEST-000001", offset: expect.any(Number) } });
  });

  test("of any bytes is an edit, CORRUPTION, or what a newer version might have meant", () => {
    const random = new Random(3);
    const whole = encodeEdit({
      incarnation: "ab".repeat(16),
      seqCeiling: 1_000_000,
      removed: [3],
      added: [{ level: 1, meta: randomMeta(random, 9) }],
    });
    for (let round = 0; round < 20_000; round++) {
      const damaged = whole.slice(0, random.chance(0.2) ? random.below(whole.length) : whole.length);
      for (let i = random.between(1, 3); i > 0 && damaged.length > 0; i--)
        damaged[random.below(damaged.length)] = random.u32();
      const outcome = failure(damaged);
      if (outcome instanceof Error) expect(["CORRUPTION", "UNIMPLEMENTED"]).toContain((outcome as KvtsError).code);
    }
  });
});

test("descriptions of tables differ in the first field that is not the same", () => {
  const meta = testMeta(4, "a", "b");
  expect(differingField(meta, { ...meta, smallest: meta.smallest.slice() })).toBeUndefined();
  expect(differingField(meta, { ...meta, largest: Uint8Array.of(99) })).toBe("largest");
  expect(differingField(meta, { ...meta, minExpiresAt: 5 })).toBe("minExpiresAt");
  for (const [name, value] of Object.entries(meta)) {
    if (typeof value === "number") expect(differingField(meta, { ...meta, [name]: value + 1 })).toBe(name);
  }
});
