import { describe, expect, test } from "vitest";
import { abortable, abortError, callSignal, throwIfAborted } from "./call.ts";

const never = new Promise<never>(() => undefined);

describe("calls", () => {
  test("a fired signal becomes CANCELLED, a timeout DEADLINE_EXCEEDED", async () => {
    expect(abortError(AbortSignal.abort("why"))).toMatchObject({ code: "CANCELLED", cause: "why" });
    const timeout = AbortSignal.timeout(1);
    await expect(abortable(never, timeout)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(() => throwIfAborted(timeout)).toThrow(expect.objectContaining({ code: "DEADLINE_EXCEEDED" }));
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
  });

  test("signal and timeout count together", async () => {
    expect(callSignal(undefined)).toBeUndefined();
    expect(callSignal({})).toBeUndefined();
    const { signal } = new AbortController();
    expect(callSignal({ signal })).toBe(signal);
    await expect(abortable(never, callSignal({ signal, timeoutMs: 1 }))).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    await expect(
      abortable(never, callSignal({ signal: AbortSignal.abort(), timeoutMs: 10_000 })),
    ).rejects.toMatchObject({ code: "CANCELLED" });
    expect(callSignal({ timeoutMs: Number.MAX_SAFE_INTEGER })!.aborted).toBe(false);
    for (const timeoutMs of [0, -5, Number.NaN, 1.5]) {
      expect(() => callSignal({ timeoutMs })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });

  test("what settles before the signal stands, and leaves no listener behind", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const counted = {
      aborted: false,
      addEventListener: () => void listeners++,
      removeEventListener: () => void listeners--,
    } as unknown as AbortSignal;
    expect(await abortable(Promise.resolve(7), signal)).toBe(7);
    await expect(abortable(Promise.reject(new Error("own")), counted)).rejects.toThrow("own");
    await new Promise((resolve) => setImmediate(resolve));
    expect(listeners).toBe(0);
  });
});
