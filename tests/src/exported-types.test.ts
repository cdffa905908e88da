import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** For those who build stores and servers, not for those who use them. */
const internal = new Set(["HostedStore"]);

const source = (path: string): string => readFileSync(new URL(`../../packages/${path}`, import.meta.url), "utf8");

const names = ["common/src/store.ts", "common/src/typed/typed-store.ts"].flatMap((path) =>
  [...source(path).matchAll(/^export (?:interface|type) (\w+)/gm)].map((match) => match[1]!),
);

test.each(["db/src/index.ts", "client/src/http.ts"])(
  "%s exports every type of the interface that it offers",
  (path) => {
    const listed = /^export type \{([^}]*)\} from "@kvts\/common";/.exec(source(path))?.[1] ?? "";
    const exported = new Set(listed.split(/[\s,]+/));
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !exported.has(name) && !internal.has(name))).toEqual([]);
  },
);
