import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { requestFileName } from "../format/filenames.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { readRequestFile, writeRequestFile } from "./request-file.ts";
import { RECORD_WORDS, type RequestRecord, writeRecord } from "./request-record.ts";

const INCARNATION = "00112233445566778899aabbccddeeff";
const PATH = requestFileName("d", 7);
const RECORDS: RequestRecord[] = [
  { idHigh: 1, idLow: -2, fingerprintHigh: 3, fingerprintLow: -4, timestamp: 100, seq: 5, moment: 2 ** 50 },
  { idHigh: -1, idLow: 2, fingerprintHigh: -3, fingerprintLow: 4, timestamp: 2 ** 53 - 1, seq: 9, moment: 0 },
];

async function written(records: readonly RequestRecord[] = RECORDS): Promise<Uint8Array> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("d");
  const words = new Int32Array(records.length * RECORD_WORDS);
  for (const [i, record] of records.entries()) writeRecord(words, i * RECORD_WORDS, record);
  await writeRequestFile(fileSystem, "d", 7, INCARNATION, words);
  const file = fileSystem.open(PATH);
  const bytes = new Uint8Array(file.size);
  file.readSync(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

function read(bytes: Uint8Array, incarnation = INCARNATION): RequestRecord[] {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("d");
  fileSystem.replace(PATH, bytes);
  const records: RequestRecord[] = [];
  readRequestFile(fileSystem, "d", 7, incarnation, (record) => records.push(record));
  return records;
}

function failure(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

describe("a file of request ids", () => {
  test("gives back what was put into it", async () => {
    expect(read(await written())).toEqual(RECORDS);
    expect(read(await written([]))).toEqual([]);
  });

  test("is CORRUPTION with file and offset, whatever byte of it is flipped", async () => {
    const whole = await written();
    for (let at = 0; at < whole.length; at++) {
      const damaged = new Uint8Array(whole);
      damaged[at]! ^= 1 << (at % 8);
      const error = failure(() => read(damaged));
      expect(isKvtsError(error, "CORRUPTION"), `byte ${at}: ${String(error)}`).toBe(true);
      expect(error).toMatchObject({ details: { file: PATH, offset: expect.any(Number) } });
    }
  });

  test("is CORRUPTION at any other length", async () => {
    const whole = await written();
    for (let length = 0; length < whole.length; length++) {
      expect(
        isKvtsError(
          failure(() => read(whole.subarray(0, length))),
          "CORRUPTION",
        ),
      ).toBe(true);
    }
    expect(
      isKvtsError(
        failure(() => read(Uint8Array.of(...whole, 0))),
        "CORRUPTION",
      ),
    ).toBe(true);
  });

  test("of another store, or missing, or with seqs that do not ascend, is CORRUPTION", async () => {
    const whole = await written();
    expect(failure(() => read(whole, "ff112233445566778899aabbccddeeff"))).toMatchObject({
      message: expect.stringContaining("another store"),
    });
    const falling = await written([RECORDS[1]!, RECORDS[0]!]);
    expect(failure(() => read(falling))).toMatchObject({ code: "CORRUPTION", details: { offset: 80 } });
    const none = () => readRequestFile(new MemoryFileSystem(), "d", 7, INCARNATION, () => {});
    expect(failure(none)).toMatchObject({ code: "CORRUPTION", message: expect.stringContaining("missing") });
  });
});
