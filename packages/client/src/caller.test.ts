import { type CallOptions, KvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { Caller } from "./caller.ts";
import { checkOptions } from "./options.ts";
import { unavailable } from "./testing/scripted-wire.ts";
import { type VirtualRuntime, virtualRuntime } from "./testing/virtual-runtime.ts";
import { type WireCall, WireFailure } from "./wire.ts";

/** Details that say nothing of doubt about a write. */
const determinate: unknown = expect.not.objectContaining({ indeterminate: true });

const settings = checkOptions({ timeoutMs: 1000, retry: { triesMax: 4, delayMsFirst: 40, delayMsMax: 100 } });

function callerAt(runtime: VirtualRuntime = virtualRuntime()): Caller {
  return new Caller(settings, runtime);
}

/** An exchange that fails in turn with each of `failures`, then succeeds; and the calls that it got. */
function failing(...failures: readonly unknown[]) {
  const calls: WireCall[] = [];
  const exchange = async (call: WireCall): Promise<string> => {
    calls.push(call);
    if (calls.length <= failures.length) throw failures[calls.length - 1];
    return "done";
  };
  return { calls, exchange };
}

const lost = () => unavailable("unknown");
const answered = (code: ConstructorParameters<typeof KvtsError>[0]) =>
  new WireFailure(new KvtsError(code, "no"), "answered");

describe("a read", () => {
  test("is sent again while the server is unavailable, after growing pauses", async () => {
    const runtime = virtualRuntime(0.5);
    const { calls, exchange } = failing(unavailable(), lost(), unavailable());
    expect(await callerAt(runtime).read({}, exchange)).toBe("done");
    expect(runtime.sleeps).toEqual([20, 40, 50]);
    expect(calls.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 980, 940, 890]);
  });

  test("fails with the last error once its tries are used up", async () => {
    const { calls, exchange } = failing(...Array.from({ length: 9 }, () => unavailable()));
    await expect(callerAt().read({}, exchange)).rejects.toMatchObject({ code: "UNAVAILABLE", details: determinate });
    expect(calls).toHaveLength(4);
  });

  test.each(["INVALID_ARGUMENT", "CURSOR_EXPIRED", "OVERLOADED", "INTERNAL", "DEADLINE_EXCEEDED"] as const)(
    "is not sent again after %s",
    async (code) => {
      const { calls, exchange } = failing(answered(code));
      await expect(callerAt().read({}, exchange)).rejects.toMatchObject({ code });
      expect(calls).toHaveLength(1);
    },
  );

  test("waits as long as the server asks", async () => {
    const runtime = virtualRuntime(0.5);
    const { exchange } = failing(unavailable("answered", 300));
    await callerAt(runtime).read({}, exchange);
    expect(runtime.sleeps).toEqual([320]);
  });

  test("does not wait for a try beyond its deadline, and tells what is wrong instead", async () => {
    const runtime = virtualRuntime();
    const { calls, exchange } = failing(unavailable("answered", 5000));
    await expect(callerAt(runtime).read({}, exchange)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(calls).toHaveLength(1);
    expect(runtime.sleeps).toEqual([]);
  });

  test("has its tries under one deadline", async () => {
    const runtime = virtualRuntime(0.5);
    const timeouts: number[] = [];
    const slow = async ({ timeoutMs }: WireCall): Promise<never> => {
      timeouts.push(timeoutMs);
      runtime.advance(450);
      throw unavailable();
    };
    await expect(callerAt(runtime).read({}, slow)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(timeouts).toEqual([1000, 530, 40]);
  });

  test("cancelled while it waits for its next try is not sent again", async () => {
    const controller = new AbortController();
    const runtime = virtualRuntime();
    const { calls, exchange } = failing(unavailable());
    const reading = new Caller(settings, {
      ...runtime,
      sleep(ms, signal) {
        controller.abort();
        return runtime.sleep(ms, signal);
      },
    }).read({ signal: controller.signal }, exchange);
    await expect(reading).rejects.toMatchObject({ code: "CANCELLED" });
    expect(calls).toHaveLength(1);
  });
});

describe("a write", () => {
  test("without a request id is sent once", async () => {
    const { calls, exchange } = failing(unavailable());
    await expect(callerAt().write({}, undefined, exchange)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      details: determinate,
    });
    expect(calls).toHaveLength(1);
  });

  test("with one is sent again as a read is", async () => {
    const runtime = virtualRuntime(0.5);
    const { calls, exchange } = failing(unavailable(), lost(), unavailable());
    expect(await callerAt(runtime).write({}, "r", exchange)).toBe("done");
    expect(runtime.sleeps).toEqual([20, 40, 50]);
    expect(calls.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 980, 940, 890]);
  });

  test("whose tries are used up may have happened in any of them", async () => {
    const told = { code: "UNAVAILABLE", details: { indeterminate: true, requestId: "r" } };
    const { calls, exchange } = failing(lost(), unavailable(), unavailable(), unavailable());
    await expect(callerAt().write({}, "r", exchange)).rejects.toMatchObject(told);
    expect(calls).toHaveLength(4);
    const unsent = failing(...Array.from({ length: 4 }, () => unavailable())).exchange;
    await expect(callerAt().write({}, "r", unsent)).rejects.toMatchObject({ details: determinate });
  });

  test("that is refused for its conditions when sent again has not happened", async () => {
    const { exchange } = failing(lost(), answered("CONFLICT"));
    await expect(callerAt().write({}, "r", exchange)).rejects.toMatchObject({ code: "CONFLICT", details: determinate });
    const full = failing(lost(), answered("NO_SPACE")).exchange;
    await expect(callerAt().write({}, "r", full)).rejects.toMatchObject({
      code: "NO_SPACE",
      details: { indeterminate: true },
    });
  });

  test("cancelled while it waits for its next try is marked", async () => {
    const controller = new AbortController();
    const runtime = virtualRuntime();
    const caller = new Caller(settings, {
      ...runtime,
      sleep(ms, signal) {
        controller.abort();
        return runtime.sleep(ms, signal);
      },
    });
    await expect(caller.write({ signal: controller.signal }, "r", failing(lost()).exchange)).rejects.toMatchObject({
      code: "CANCELLED",
      details: { indeterminate: true },
    });
  });

  test("whose fate is unknown is marked so", async () => {
    const { exchange } = failing(lost());
    await expect(callerAt().write({}, undefined, exchange)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: "no server answers; whether the write happened is not known",
      details: { indeterminate: true },
    });
  });

  test("that the server refused is not", async () => {
    const { exchange } = failing(answered("CONFLICT"));
    await expect(callerAt().write({}, undefined, exchange)).rejects.toMatchObject({
      code: "CONFLICT",
      details: determinate,
    });
  });

  test("cancelled after it was sent is marked too", async () => {
    const controller = new AbortController();
    const exchange = async (): Promise<never> => {
      controller.abort();
      throw lost();
    };
    await expect(callerAt().write({ signal: controller.signal }, "r", exchange)).rejects.toMatchObject({
      code: "CANCELLED",
      details: { indeterminate: true },
    });
  });
});

describe("before anything is sent", () => {
  test.each<[string, CallOptions]>([
    ["CANCELLED", { signal: AbortSignal.abort() }],
    ["DEADLINE_EXCEEDED", { signal: AbortSignal.abort(new DOMException("late", "TimeoutError")) }],
    ["INVALID_ARGUMENT", { timeoutMs: 0 }],
    ["INVALID_ARGUMENT", { timeoutMs: 1.5 }],
    ["INVALID_ARGUMENT", { timeoutMs: Number.NaN }],
  ])("%s for %o", async (code, options) => {
    const { calls, exchange } = failing();
    await expect(callerAt().read(options, exchange)).rejects.toMatchObject({ code });
    await expect(callerAt().write(options, "r", exchange)).rejects.toMatchObject({ code, details: determinate });
    expect(calls).toEqual([]);
  });

  test("a call's own deadline replaces the client's, and is one that a timer can keep", async () => {
    const { calls, exchange } = failing();
    await callerAt().read({ timeoutMs: 5 }, exchange);
    await callerAt().read({ timeoutMs: Number.MAX_SAFE_INTEGER }, exchange);
    expect(calls.map(({ timeoutMs }) => timeoutMs)).toEqual([5, 2 ** 31 - 1]);
  });
});

test("what is no failure of the wire passes as it is", async () => {
  const bug = new TypeError("x is not a function");
  await expect(callerAt().read({}, failing(bug).exchange)).rejects.toBe(bug);
  await expect(callerAt().write({}, "r", failing(bug).exchange)).rejects.toBe(bug);
});

describe("closing", () => {
  test("waits for what is under way, and refuses the rest", async () => {
    const caller = callerAt();
    const events: string[] = [];
    let finish = (): void => {};
    const exchange = (): Promise<void> =>
      new Promise((resolve) => {
        finish = () => {
          events.push("written");
          resolve();
        };
      });
    const writing = caller.write({}, "r", exchange);
    const closing = caller.close().then(() => events.push("closed"));
    await expect(caller.read({}, async () => "late")).rejects.toMatchObject({ code: "CLOSED" });
    expect(events).toEqual([]);
    finish();
    await Promise.all([writing, closing]);
    expect(events).toEqual(["written", "closed"]);
  });

  test("ends the retries of a read", async () => {
    const runtime = virtualRuntime();
    const caller = callerAt(runtime);
    let tries = 0;
    const reading = caller.read({}, async () => {
      tries++;
      throw unavailable();
    });
    await Promise.all([expect(reading).rejects.toMatchObject({ code: "UNAVAILABLE" }), caller.close()]);
    expect(tries).toBe(1);
  });

  test("with nothing under way is done at once", async () => {
    await callerAt().close();
  });
});
