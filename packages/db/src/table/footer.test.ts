import { describe, expect, test } from "vitest";
import { crc32 } from "../format/checksum.ts";
import { decodeFooter, encodeFooter, FOOTER_BYTES } from "./footer.ts";

const FOOTER = { dataBytes: 2 ** 33, filterBytes: 80, indexBytes: 100, propertiesBytes: 90 };
/** Data, filter and index end at multiples of eight, or are filled up. */
const OFFSET = 2 ** 33 + 80 + 104 + 96;

function altered(offset: number, value: number): Uint8Array {
  const bytes = encodeFooter(FOOTER).slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(offset, value, true);
  view.setUint32(36, crc32(bytes.subarray(0, 36)), true);
  return bytes;
}

describe("footer", () => {
  test("reads back", () => {
    const bytes = encodeFooter(FOOTER);
    expect(bytes.length).toBe(FOOTER_BYTES);
    expect(decodeFooter(bytes, "a", OFFSET)).toEqual(FOOTER);
  });

  test("of a newer format is refused with a sentence that says what to do", () => {
    expect(() => decodeFooter(altered(32, 2), "a", OFFSET)).toThrow(
      expect.objectContaining({
        code: "UNIMPLEMENTED",
        message: expect.stringContaining("table format 2, this one reads up to 1"),
      }),
    );
    // Range tombstones, whatever holds them.
    expect(() => decodeFooter(altered(8, 20), "a", OFFSET)).toThrow("newer kvts");
  });

  test.each([
    ["another place", () => decodeFooter(encodeFooter(FOOTER), "a", OFFSET + 8)],
    ["a length that is not true", () => decodeFooter(altered(12, 81), "a", OFFSET)],
    ["format version 0", () => decodeFooter(altered(32, 0), "a", OFFSET)],
    ["another magic", () => decodeFooter(altered(40, 0), "a", OFFSET)],
  ])("with %s is damage", (_, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: "CORRUPTION" }));
  });
});
