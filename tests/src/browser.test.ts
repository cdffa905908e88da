import { createModelStore } from "@kvts/db/testing";
import { serve } from "@kvts/server";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { findBrowser, runPage } from "./browser.ts";

/** What the page does; each thing that it saw is a line of what it tells. */
const page = `
import { connectHttp, isKvtsError } from "@kvts/client/http";

export async function run(url) {
  const seen = [];
  const store = connectHttp(url);
  const watching = store.watch({ prefix: "page:" }, { afterSeq: 0 });
  const events = watching[Symbol.asyncIterator]();
  await store.put("page:a", "value1", { timestamp: 100 });
  const event = await events.next();
  seen.push("watched " + event.value.items.map((item) => item.key + "=" + item.text()).join());
  await watching.close();
  await store.put("page:a", Uint8Array.of(0, 255), { timestamp: 101 });
  await store.delete("page:a", { timestamp: 102 });
  seen.push("as of 100: " + (await store.get("page:a", { asOf: 100 })).text());
  seen.push("as of 101: " + Array.from((await store.get("page:a", { asOf: 101 })).value).join());
  seen.push("now: " + (await store.get("page:a")));
  const versions = await store.history("page:a").toArray();
  seen.push("history: " + versions.map(({ timestamp, deleted }) => timestamp + (deleted ? " deleted" : "")).join());
  await store.write([{ op: "put", key: "page:b", value: "1" }, { op: "put", key: "page:c", value: "2" }]);
  const keys = await store.scan({ prefix: "page:" }).toArray();
  seen.push("scan: " + keys.map(({ key }) => key).join());
  const conflict = await store.put("page:b", "2", { ifAbsent: true }).catch((error) => error);
  seen.push("refused: " + isKvtsError(conflict, "CONFLICT"));
  await store.close();
  return seen;
}
`;

test("a page in a browser reads, writes and watches a server that lets its origin in, and no other", {
  timeout: 60_000,
}, async (context) => {
  const browser = findBrowser();
  if (browser === undefined) {
    expect(process.env.KVTS_TESTS_NEED_BROWSER, "chromium is not installed").toBeUndefined();
    return context.skip("NOT TESTED: this needs chromium, from the Debian package of that name for instance");
  }
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: import.meta.dirname },
    bundle: true,
    platform: "browser",
    format: "iife",
    globalName: "page",
    write: false,
    logLevel: "silent",
  });
  const store = createModelStore();
  const script = outputFiles[0]!.text;
  const told = await runPage(browser, script, async (origin) => {
    const open = await serve(store, { port: 0, httpPort: 0, corsOrigins: [origin] });
    const shut = await serve(store, { port: 0, httpPort: 0 });
    return {
      expression: `Promise.all([page.run(${JSON.stringify(open.httpUrl)}), fetch(${JSON.stringify(shut.httpUrl)} + "/v1/keys/page:b").catch(String)])`,
      close: async () => void (await Promise.all([open.close(), shut.close()])),
    };
  });
  expect(told).toEqual([
    [
      "watched page:a=value1",
      "as of 100: value1",
      "as of 101: 0,255",
      "now: undefined",
      "history: 102 deleted,101,100",
      "scan: page:b,page:c",
      "refused: true",
    ],
    "TypeError: Failed to fetch",
  ]);
});
