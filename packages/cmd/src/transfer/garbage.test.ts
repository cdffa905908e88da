import { createModelStore, Random } from "@kvts/db/testing";
import { describe, expect, test } from "vitest";
import { CommandError } from "../failure.ts";
import { exportText, importText } from "../testing/files.ts";
import type { FileFormat } from "./file-format.ts";

/** Files that are none: each with what it is made of. */
function garbage(random: Random, sound: Buffer): [what: string, bytes: Uint8Array][] {
  const damaged = Buffer.from(sound);
  for (let i = 0; i < 5; i++) damaged[random.below(damaged.length)] = random.u32();
  const cut = random.below(sound.length);
  return [
    ["any bytes", random.bytes(2000)],
    ["text of few characters", text(random, '",\n\r{}[]:\\ué0 ', 2000)],
    ["JSON's characters", text(random, '{"key":"value\\u0000,}]\n', 2000)],
    ["NULs", new Uint8Array(5000)],
    ["a sound file with some bytes replaced", damaged],
    ["a sound file cut off", sound.subarray(0, cut)],
    ["a sound file with a NUL in it", Buffer.concat([sound.subarray(0, cut), Buffer.of(0), sound.subarray(cut)])],
    ["half a character at the end", Buffer.concat([sound, Buffer.of(0xe2, 0x82)])],
    ["UTF-16", Buffer.from(sound.toString(), "utf16le")],
    ["one long line", Buffer.alloc(2_000_000, random.pick(["a", '"', ",", "[", "{", " "]))],
  ];
}

function text(random: Random, characters: string, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.pick([...characters])).join(""));
}

describe.each<FileFormat>(["ndjson", "csv"])("%s", (format) => {
  test.each([1, 2, 3, 4])(
    "that is garbage is told of in a sentence a line, and nothing but versions is written (seed %d)",
    async (seed) => {
      const random = new Random(seed);
      const store = createModelStore();
      for (const key of ["a", "né", 'quote"d', "line\nline"]) await store.put(key, `value of ${key}`, { timestamp: 5 });
      const sound = Buffer.from(await exportText(store, format));
      for (const [what, bytes] of garbage(random, sound)) {
        const into = createModelStore();
        try {
          const { bad } = await importText(into, bytes, format);
          for (const { code, reason, line } of bad) {
            expect(code, what).toMatch(/^(?:INVALID_ARGUMENT|TOO_LARGE|TRUNCATED)$/);
            expect(reason.length, what).toBeLessThan(400);
            expect(reason, what).not.toMatch(/\n/);
            expect(line, what).toBeGreaterThan(0);
          }
        } catch (error) {
          // A CSV file without a header that makes sense is none at all.
          expect(error, what).toBeInstanceOf(CommandError);
          expect((error as CommandError).message, what).not.toMatch(/\n|\0/);
          expect(await into.scan().toArray(), what).toEqual([]);
        }
      }
    },
  );
});

test("JSON nested deeper than a stack is a bad line like any other", async () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const lines = [
    deep,
    `{"key":${deep},"value":"v"}`,
    `{"key":"k","value":${deep}}`,
    `{"end":{"versions":${deep}}}`,
    `{"error":{"message":${deep}}}`,
    '{"key":"k","value":"v"}',
  ];
  const { versions, bad } = await importText(createModelStore(), `${lines.join("\n")}\n`, "ndjson");
  expect(versions).toBe(1);
  expect(bad.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
});
