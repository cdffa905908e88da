import { describe, expect, test } from "vitest";
import { Ceilings, type CeilingValues } from "./ceilings.ts";

const STEP = 1_000_000;

/** Ceilings whose manifest a test keeps waiting or lets fail. */
class Manifest {
  readonly ceilings: Ceilings;
  /** What was to be persisted, in order. */
  readonly asked: CeilingValues[] = [];
  readonly #pending: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(seqCeiling = 0, timestampCeiling = 0) {
    this.ceilings = new Ceilings({ seqCeiling, timestampCeiling }, (values) => {
      this.asked.push(values);
      return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
    });
  }

  async succeed(): Promise<void> {
    this.#pending.shift()!.resolve();
    await settled();
  }

  async fail(): Promise<void> {
    this.#pending.shift()!.reject(new Error("the disk is full"));
    await settled();
  }
}

/** Everything that waits for a promise that is settled has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("ceilings", () => {
  test("that cover let through at once, and ask for nothing", () => {
    const { ceilings, asked } = new Manifest(10 * STEP, 20 * STEP);
    expect(ceilings.cover(9.5 * STEP, 19.5 * STEP)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test("are raised ahead of need once half of a stretch is used, one at a time", async () => {
    const manifest = new Manifest(STEP, STEP);
    const { ceilings, asked } = manifest;
    expect(ceilings.cover(0.5 * STEP + 1, 3)).toBeUndefined();
    expect(ceilings.cover(0.5 * STEP + 2, 4)).toBeUndefined();
    expect(asked).toEqual([{ seqCeiling: 1.5 * STEP + 1, timestampCeiling: STEP + 3 }]);
    await manifest.succeed();
    expect(ceilings.cover(1.4 * STEP, 5)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  test("hold back what they do not cover until they are on disk", async () => {
    const manifest = new Manifest();
    const seqs: number[] = [];
    const first = manifest.ceilings.cover(1, 100)!.then(() => seqs.push(1));
    await settled();
    expect(seqs).toEqual([]);
    await manifest.succeed();
    await first;
    expect(seqs).toEqual([1]);
    expect(manifest.asked).toEqual([{ seqCeiling: STEP + 1, timestampCeiling: STEP + 100 }]);
    expect(manifest.ceilings.cover(STEP / 2, 100 + STEP / 2)).toBeUndefined();
  });

  test("are raised again for what came while they were", async () => {
    const manifest = new Manifest();
    const done: string[] = [];
    const near = manifest.ceilings.cover(1, 0)!.then(() => done.push("near"));
    const far = manifest.ceilings.cover(5 * STEP, 0)!.then(() => done.push("far"));
    await manifest.succeed();
    await near;
    expect(done).toEqual(["near"]);
    expect(manifest.asked.map(({ seqCeiling }) => seqCeiling)).toEqual([STEP + 1, 6 * STEP]);
    await manifest.succeed();
    await far;
  });

  test("that could not be raised fail whoever needs them, and are asked for again", async () => {
    const manifest = new Manifest();
    const failed = expect(manifest.ceilings.cover(1, 0)).rejects.toThrow("the disk is full");
    await manifest.fail();
    await failed;
    const again = manifest.ceilings.cover(2, 0)!;
    await manifest.succeed();
    await again;
    expect(manifest.ceilings.cover(3, 0)).toBeUndefined();
  });

  test("that could not be raised ahead of need fail nobody", async () => {
    const manifest = new Manifest(STEP, STEP);
    expect(manifest.ceilings.cover(0.6 * STEP, 0)).toBeUndefined();
    await manifest.fail();
    expect(manifest.ceilings.cover(0.7 * STEP, 0)).toBeUndefined();
    expect(manifest.asked).toHaveLength(2);
  });
});
