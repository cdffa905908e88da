import { hash } from "node:crypto";
import { type HTMLFormElement, type HTMLInputElement, Window } from "happy-dom";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Served, served } from "../../testing/harness.ts";

async function pageOf({ fetch }: Served): Promise<{ readonly html: string; readonly headers: Headers }> {
  const response = await fetch("/docs");
  expect(response.status).toBe(200);
  return { html: await response.text(), headers: response.headers };
}

function insideOf(html: string, tag: "script" | "style"): string {
  return new RegExp(`<${tag}>(.*)</${tag}>`, "s").exec(html)![1]!;
}

test("the page needs nothing but the server, and may do nothing else", async () => {
  const { html, headers } = await pageOf(await served());
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(html.match(/https?:\/\//g)).toBeNull();
  const policy = headers.get("content-security-policy")!;
  for (const tag of ["script", "style"] as const) {
    expect(policy).toContain(`${tag}-src 'sha256-${hash("sha256", insideOf(html, tag), "base64")}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
});

/** The page in a browser that is none, on the server's address. */
async function opened(all: Served): Promise<Window> {
  const { html } = await pageOf(all);
  const window = new Window({ url: `${all.url}/docs` });
  onTestFinished(() => window.happyDOM.close());
  window.document.write(html.replace(/<script>.*<\/script>/s, ""));
  const run = new Function("document", "location", "fetch", insideOf(html, "script"));
  run(window.document, window.location, (path: string, init?: RequestInit) => fetch(new URL(path, all.url), init));
  await vi.waitFor(() => expect(window.document.querySelectorAll("details").length).toBeGreaterThan(0));
  return window;
}

test("it lists every route, and calls them", async () => {
  const all = await served();
  const { document } = await opened(all);
  const { paths } = (await (await all.fetch("/openapi.json")).json()) as { paths: Record<string, object> };
  const listed = [...document.querySelectorAll("summary code")].map(({ textContent }) => textContent);
  const expected = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(listed.sort()).toEqual(expected.sort());
  const fill = (route: string, name: string, text: string): void => {
    (document.querySelector(`#${route} [name="${name}"]`) as unknown as HTMLInputElement).value = text;
  };
  const send = async (route: string): Promise<string> => {
    (document.querySelector(`#${route} form`) as unknown as HTMLFormElement).requestSubmit();
    const output = document.querySelector(`#${route} pre`)!;
    return await vi.waitFor(() => {
      expect(output.textContent).toMatch(/\n\n\d{3} /);
      return output.textContent;
    });
  };
  fill("putKey", "path:key", "it's/ü");
  fill("putKey", "query:ts", "100");
  fill("putKey", "body:", "<b>value</b>");
  const put = await send("putKey");
  expect(put).toContain('"timestamp": 100');
  expect(put).toContain(`curl -X PUT -H 'content-type: application/octet-stream'`);
  expect((await all.store.get("it's/ü"))?.text()).toBe("<b>value</b>");
  fill("getKey", "path:key", "it's/ü");
  const get = await send("getKey");
  expect(get).toMatch(/kvts-timestamp: 100\n(?:.|\n)*\n\n<b>value<\/b>$/);
  // What is stored stays text.
  expect(document.querySelector("#getKey b")).toBeNull();
});
