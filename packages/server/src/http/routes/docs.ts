import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type AnyRoute, defineOpenRoute } from "../route.ts";

/** A page, with the policy that lets it do what it has to, and nothing else. */
interface DocsPage {
  readonly html: string;
  readonly policy: string;
}

/** `/docs`: a page to read about the API and to try it, which needs nothing but this server. */
export function docsRoute(): AnyRoute {
  let page: Promise<DocsPage> | undefined;
  return defineOpenRoute({
    method: "get",
    path: "/docs",
    call: "read",
    doc: {
      operationId: "docs",
      tags: ["health"],
      summary: "A page to try all of this",
      responses: { 200: { description: "HTML.", content: { "text/html": {} } } },
    },
    async handle() {
      page ??= readPage();
      const { html, policy } = await page;
      const headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
      };
      return { status: 200, headers, body: html };
    },
  });
}

/** Script and style stand in the page, and are named by their hashes: nothing that the store holds can join them. */
async function readPage(): Promise<DocsPage> {
  const [html, style, script] = await Promise.all(["docs.html", "docs.css", "docs.js"].map(readAsset));
  const policy = [
    "default-src 'none'",
    `script-src '${sourceHash(script!)}'`,
    `style-src '${sourceHash(style!)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html: html!.replace("/*style*/", () => style!).replace("/*script*/", () => script!), policy };
}

async function readAsset(name: string): Promise<string> {
  return await readFile(new URL(`../../../assets/${name}`, import.meta.url), "utf8");
}

function sourceHash(text: string): string {
  return `sha256-${hash("sha256", text, "base64")}`;
}
