import { describe, expect, test } from "vitest";
import type { Fault } from "./testing/fault-file-system.ts";
import { FaultRun, type FaultRunOptions } from "./testing/fault-run.ts";

const RUN_MS_MAX = 30_000;

/** A run of every call's fault, until no call is left; how many there were. */
async function failEachCall(fault: Omit<Fault, "at">, options: Omit<FaultRunOptions, "fault"> = {}): Promise<number> {
  for (let at = 1; ; at++) {
    const isHit = await within(RUN_MS_MAX, new FaultRun({ fault: { ...fault, at }, ...options }).run()).catch(
      (cause: unknown) => {
        throw new Error(`with the fault at call ${at}: ${(cause as Error).message}`, { cause });
      },
    );
    if (!isHit) return at - 1;
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it hangs")), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const READS: FaultRunOptions["kinds"] = new Set(["open", "read"]);

describe("a store whose disk fails", { timeout: 300_000 }, () => {
  test.each<[string, Omit<Fault, "at">, Omit<FaultRunOptions, "fault">]>([
    ["with EIO, at one call", { code: "EIO" }, {}],
    ["with EIO, having written all, at one call and all later ones", { code: "EIO", lasts: true, written: 1 }, {}],
    ["with ENOSPC, having written half, at one call", { code: "ENOSPC", written: 0.5 }, {}],
    ["with ENOSPC, at one call and all later ones", { code: "ENOSPC", lasts: true }, {}],
    ["with EIO, at one call, while nothing is synced", { code: "EIO" }, { durability: "buffered" }],
    ["with EIO, at one read", { code: "EIO" }, { kinds: READS }],
    ["with EIO, at one read and all later ones", { code: "EIO", lasts: true }, { kinds: READS }],
  ])("%s, loses nothing and says what is wrong", async (_, fault, options) => {
    expect(await failEachCall(fault, options)).toBeGreaterThan(20);
  });

  test("while it recovers, recovers all the same once the disk is sound", async () => {
    const before = await FaultRun.stopped();
    expect(await failEachCall({ code: "EIO" }, { before })).toBeGreaterThan(100);
  });
});
