import { KvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { SimulatedScheduler } from "../testing/simulated-scheduler.ts";
import { WaitingRoom } from "./waiting-room.ts";
import { WriteGate } from "./write-gate.ts";

/** A room whose door a test opens and shuts. */
class Door {
  readonly scheduler: SimulatedScheduler = new SimulatedScheduler();
  readonly room: WaitingRoom;
  readonly entered: string[] = [];
  reason: string | undefined = "it is full";
  obstacle: KvtsError | undefined;

  constructor(timeoutMs = 1000) {
    this.room = new WaitingRoom(
      this.scheduler,
      timeoutMs,
      () => this.reason,
      () => this.obstacle,
    );
  }

  /** Resolves to `name` once it has entered. */
  pass(name: string, action: () => void = () => {}): Promise<string> {
    return this.room.pass(async () => {
      this.entered.push(name);
      action();
      return name;
    });
  }
}

describe("a waiting room", () => {
  test("lets in, in turn, when nothing is in the way", async () => {
    const door = new Door();
    const all = [door.pass("a"), door.pass("b"), door.pass("c")];
    door.room.changed();
    expect(door.entered).toEqual([]);
    door.reason = undefined;
    expect(door.room.isOpen).toBe(false);
    door.room.changed();
    // At once, so that nobody who comes now is earlier.
    expect(door.entered).toEqual(["a", "b", "c"]);
    expect(door.room.isOpen).toBe(true);
    expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
    expect(door.room.count).toBe(3);
  });

  test("turns away at once, with the obstacle, whom waiting would not help", async () => {
    const door = new Door();
    const waiting = expect(door.pass("a")).rejects.toMatchObject({ code: "NO_SPACE" });
    door.obstacle = new KvtsError("NO_SPACE", "the disk is full");
    await waiting;
    expect(door.scheduler.monotonicMs()).toBeLessThan(1000);
    door.obstacle = undefined;
    door.reason = undefined;
    const later = door.pass("b");
    door.room.changed();
    expect(await later).toBe("b");
    expect(door.entered).toEqual(["b"]);
  });

  test("looks again after each one: what the first puts in the way stops the second", async () => {
    const door = new Door();
    const first = door.pass("first", () => {
      door.reason = "full again";
    });
    const second = door.pass("second");
    door.reason = undefined;
    door.room.changed();
    expect(await first).toBe("first");
    expect(door.entered).toEqual(["first"]);
    door.reason = undefined;
    door.room.changed();
    expect(await second).toBe("second");
  });

  test("looks by itself now and then", async () => {
    const door = new Door();
    const passed = door.pass("a");
    await door.scheduler.delay(100);
    door.reason = undefined;
    expect(await passed).toBe("a");
  });

  test("turns away after the deadline, the others not", async () => {
    const door = new Door(1000);
    const early = door.pass("early");
    const failed = expect(early).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("within 1000 ms (it is full)"),
      details: { retryAfterMs: 1000 },
    });
    await door.scheduler.delay(500);
    const late = door.pass("late");
    await failed;
    expect(door.scheduler.monotonicMs()).toBeLessThan(1100);
    door.reason = undefined;
    expect(await late).toBe("late");
    expect(door.entered).toEqual(["late"]);
  });

  test("fails the one whose action fails, at once or later", async () => {
    const door = new Door();
    const thrown = door.room.pass(() => {
      throw new Error("at once");
    });
    const rejected = door.room.pass(() => Promise.reject(new Error("later")));
    const fine = door.pass("fine");
    door.reason = undefined;
    door.room.changed();
    await expect(thrown).rejects.toThrow("at once");
    await expect(rejected).rejects.toThrow("later");
    expect(await fine).toBe("fine");
  });

  test("holds many thousands, in order", async () => {
    const door = new Door();
    const names = Array.from({ length: 5000 }, (_, i) => String(i));
    const all = names.map((name) => door.pass(name));
    door.reason = undefined;
    door.room.changed();
    await Promise.all(all);
    expect(door.entered).toEqual(names);
    expect(door.room.isOpen).toBe(true);
  });
});

describe("a write gate", () => {
  test("that refuses turns away those who wait, and all who come, with its first refusal", async () => {
    const door = new Door();
    const gate = new WriteGate(door.room);
    expect(gate.isOpen).toBe(false);
    const waiting = gate.pass(async () => "in");
    const refusal = new KvtsError("CLOSED", "the store is closed");
    gate.refuse(refusal);
    gate.refuse(new KvtsError("READ_ONLY", "another reason"));
    await expect(waiting).rejects.toBe(refusal);
    expect(gate.refusal).toBe(refusal);
    expect(() => gate.isOpen).toThrow(refusal);
  });
});
