import { json } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, type Subject, uniqueKey } from "./subject.ts";

/** Views that are fixed at a moment. */
export function atTests(subject: Subject): void {
  async function written(): Promise<string> {
    const { store } = subject.shared;
    const key = uniqueKey();
    await store.put(key, "one", { timestamp: 100 });
    await store.put(`${key}b`, "b", { timestamp: 150 });
    await store.put(key, "two", { timestamp: 200 });
    await store.delete(`${key}b`, { timestamp: 250 });
    return key;
  }

  test("every read of a view shows what was true at its moment", async () => {
    const key = await written();
    const view = subject.shared.store.at(150);
    expect((await view.get(key))?.text()).toBe("one");
    const many = await view.getMany([`${key}b`, key, `${key}c`]);
    expect(many.map((entry) => entry?.text())).toEqual(["b", "one", undefined]);
    expect((await view.scan({ prefix: key }).toArray()).map((entry) => entry.text())).toEqual(["one", "b"]);
    expect(await view.history(key).toArray()).toMatchObject([{ timestamp: 100 }]);
    expect(await view.history(key, { to: 1000 }).toArray()).toHaveLength(1);
    const newest = await subject.shared.store.at(1000).scan({ prefix: key }, { includeDeleted: true }).toArray();
    expect(newest).toMatchObject([{ timestamp: 200 }, { deleted: true }]);
  });

  test("a view holds nothing back: a backdated write shows in it", async () => {
    const key = await written();
    const view = subject.shared.store.at(150);
    await subject.shared.store.put(key, "backdated", { timestamp: 140 });
    expect((await view.get(key))?.text()).toBe("backdated");
  });

  test("a view shows earlier moments, and refuses later ones", async () => {
    const key = await written();
    const view = subject.shared.store.at(200);
    expect((await view.get(key, { asOf: 100 }))?.text()).toBe("one");
    expect((await view.at(150).get(key))?.text()).toBe("one");
    await fails(() => view.get(key, { asOf: 201 }), "INVALID_ARGUMENT");
    await fails(() => view.getMany([key], { asOf: 201 }), "INVALID_ARGUMENT");
    expect(() => view.at(201)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => subject.shared.store.at("some day")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("a typed view has it too", async () => {
    const { store } = subject.shared;
    const key = uniqueKey();
    const numbers = store.with({ value: json<number>() });
    await numbers.put(key, 1, { timestamp: 100 });
    await numbers.put(key, 2, { timestamp: 200 });
    expect((await numbers.at(new Date(0)).get(key))?.value).toBeUndefined();
    expect((await numbers.at(199).get(key))?.value).toBe(1);
    expect(await numbers.at(199).history(key).toArray()).toMatchObject([{ value: 1 }]);
  });
}
