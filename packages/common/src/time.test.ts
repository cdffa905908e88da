import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { checkTimestamp, formatTime, parseTime, type TimeInput } from "./time.ts";

const NOW = 1_673_524_092_000_000;
const MAX = Number.MAX_SAFE_INTEGER;
const parse = (input: TimeInput): number =>
  parseTime(
    input,
    () => NOW,
    () => undefined,
  );

describe("parseTime", () => {
  test.each<[TimeInput, number]>([
    [0, 0],
    [-0, 0],
    [MAX, MAX],
    ["1700000000000000", 1_700_000_000_000_000],
    ["0", 0],
    [new Date("2023-01-12T11:48:12.345Z"), NOW + 345_000],
    ["2023-01-12T11:48:12Z", NOW],
    ["2023-01-12t11:48:12z", NOW],
    ["2023-01-12 11:48:12Z", NOW],
    ["2023-01-12T11:48:12.1Z", NOW + 100_000],
    ["2023-01-12T11:48:12.000001Z", NOW + 1],
    ["2023-01-12T13:18:12+01:30", NOW],
    ["2023-01-11T23:48:12-12:00", NOW],
    ["2023-01-12T11:48:12-00:00", NOW],
    ["1970-01-01T00:00:00Z", 0],
    ["1969-12-31T23:30:00-01:00", 1_800_000_000],
    ["2000-02-29T00:00:00Z", 951_782_400_000_000],
    ["2255-06-05T23:47:34.740991Z", MAX],
    ["now", NOW],
    ["-5m", NOW - 300_000_000],
    ["-1h30m", NOW - 5_400_000_000],
    ["+10s", NOW + 10_000_000],
    ["-0s", NOW],
  ])("%j is %d", (input, micros) => expect(Object.is(parse(input), micros)).toBe(true));

  test.each<[unknown, RegExp]>([
    [1.5, /no integer number of microseconds; write a Date/],
    [Number.NaN, /no integer/],
    [Number.POSITIVE_INFINITY, /no integer/],
    [2 ** 53, /no integer/],
    [-1, /before 1970/],
    ["9007199254740992", /no integer/],
    [new Date(Number.NaN), /the Date is invalid/],
    [new Date(-1), /before 1970/],
    [new Date(8.64e15), /after 2255-06-05T23:47:34.740991Z/],
    ["2255-06-05T23:47:34.740992Z", /after 2255/],
    ["9999-12-31T23:59:59Z", /after 2255/],
    ["1969-12-31T23:59:59.999999Z", /before 1970/],
    ["0000-01-01T00:00:00Z", /before 1970/],
    ["0099-01-01T00:00:00Z", /before 1970/],
    ["2023-01-12T11:48:12.0000001Z", /finer than a microsecond; write at most six digits/],
    ["2016-12-31T23:59:60Z", /leap second/],
    ["2023-02-29T00:00:00Z", /on no calendar/],
    ["1900-02-29T00:00:00Z", /on no calendar/],
    ["2023-00-01T00:00:00Z", /on no calendar/],
    ["2023-13-01T00:00:00Z", /on no calendar/],
    ["2023-01-00T00:00:00Z", /on no calendar/],
    ["2023-04-31T00:00:00Z", /on no calendar/],
    ["2023-01-01T24:00:00Z", /on no calendar/],
    ["2023-01-01T00:60:00Z", /on no calendar/],
    ["2023-01-01T00:00:61Z", /on no calendar/],
    ["2023-01-01T00:00:00+24:00", /on no calendar/],
    ["2023-01-01T00:00:00+00:60", /on no calendar/],
    ["12 January 2023", /cannot be read; write an RFC 3339 time such as/],
    ["2023-01-12", /is a whole day; write a moment of it, such as "2023-01-12T00:00:00Z"/],
    ["2023-01-12T11:48:12.5", /has no time zone; write "2023-01-12T11:48:12.5Z" for UTC/],
    ["2023-01-12T11:48:12", /has no time zone/],
    ["2023-01-12T11:48Z", /cannot be read/],
    ["2023-01-12T11:48:12.Z", /cannot be read/],
    ["12/1/2023", /cannot be read/],
    ["", /cannot be read/],
    [" ", /cannot be read/],
    ["Now", /cannot be read/],
    ["1e15", /cannot be read/],
    ["1.5", /cannot be read/],
    ["-5", /cannot be read/],
    ["-", /cannot be read/],
    ["--5m", /cannot be read/],
    ["-100000d", /before 1970/],
    ["+13000w", /after 2255/],
    [null, /cannot be read/],
    [undefined, /cannot be read/],
    [{}, /cannot be read/],
    [true, /cannot be read/],
    [10n, /cannot be read/],
    [Symbol("s"), /cannot be read/],
    [Object.create(null), /cannot be read/],
  ])("bad time %#", (input, sentence) => {
    const error = expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(sentence) });
    expect(() => parse(input as TimeInput)).toThrow(error);
  });

  test("formatTime writes six fraction digits, and parseTime reads them back", () => {
    expect(formatTime(0)).toBe("1970-01-01T00:00:00.000000Z");
    expect(formatTime(1)).toBe("1970-01-01T00:00:00.000001Z");
    expect(formatTime(MAX)).toBe("2255-06-05T23:47:34.740991Z");
    fc.assert(
      fc.property(fc.maxSafeNat(), (micros) => {
        expect(formatTime(micros)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        expect(parse(formatTime(micros))).toBe(micros);
        expect(parse(String(micros))).toBe(micros);
      }),
    );
    expect(() => formatTime(-1)).toThrow("from 0 to 9007199254740991");
  });

  test("an offset moves the clock and not the moment", () => {
    const offset = fc.integer({ min: -1439, max: 1439 });
    fc.assert(
      fc.property(fc.integer({ min: 1e12, max: MAX - 1e12 }), offset, (micros, minutes) => {
        const hand = `${String(Math.floor(Math.abs(minutes) / 60)).padStart(2, "0")}:${String(Math.abs(minutes) % 60).padStart(2, "0")}`;
        const local = formatTime(micros + minutes * 60_000_000).slice(0, -1);
        expect(parse(`${local}${minutes < 0 ? "-" : "+"}${hand}`)).toBe(micros);
      }),
    );
  });

  test("numbers that look like milliseconds warn, in what they mean and in what to write", () => {
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    const millis = Date.UTC(2023, 0, 12);
    for (const input of [millis, String(millis), 1e12]) parseTime(input, () => NOW, warn);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain(`pass new Date(${millis}) instead`);
    for (const input of [1e12 - 1, 1e13, NOW, new Date(millis)]) parseTime(input, () => NOW, warn);
    expect(warnings).toHaveLength(3);
  });

  test("without a receiver of its own the warning goes to the process, once", () => {
    const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    for (let i = 0; i < 3; i++) parseTime(1_600_000_000_000, () => NOW);
    expect(emitWarning.mock.calls).toEqual([
      [expect.stringContaining("was taken as microseconds"), { code: "KVTS_MILLISECONDS" }],
    ]);
    emitWarning.mockRestore();
  });
});

describe("checkTimestamp", () => {
  test("gives back what is one and names what is not", () => {
    expect([0, 1, MAX].map((value) => checkTimestamp(value))).toEqual([0, 1, MAX]);
    for (const bad of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => checkTimestamp(bad, "as_of")).toThrow(/^as_of must be integer microseconds/);
    }
  });
});
