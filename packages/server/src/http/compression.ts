import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { Reply } from "./reply.ts";
import { weightOf } from "./weights.ts";

/** Below, what gzip saves is less than what it costs. */
const bytesMin = 1024;

/** Texts of ours, lists of JSON above all. Values as bytes go out as they were stored. */
const types = /^(?:application\/json|text\/(?:html|plain))\b/;

const gzipped = promisify(gzip);

/** The fastest: it leaves a sixth or a quarter of a page of JSON, and the usual level a hundredth less in up to twice the time. */
const options = { level: constants.Z_BEST_SPEED };

/** Whether gzip is asked of a reply that gains by it. The reply says in any case that it depends on that. */
export function isWorthCompressing({ body, headers }: Reply): boolean {
  return body !== undefined && body.length >= bytesMin && types.test(String(headers["content-type"] ?? ""));
}

/**
 * The reply as a client that sends this Accept-Encoding takes it, of one that is worth it. Compresses in the thread pool.
 * Its ETag is another, since its bytes are.
 */
export async function compressed(reply: Reply, acceptEncoding: string | undefined): Promise<Reply> {
  const headers = { ...reply.headers, vary: varyOf(reply.headers.vary) };
  if (!takesGzip(acceptEncoding)) return { ...reply, headers };
  const { etag } = headers;
  return {
    ...reply,
    headers: {
      ...headers,
      "content-encoding": "gzip",
      ...(typeof etag === "string" && { etag: etag.replace(/"$/, `${gzipSuffix}"`) }),
    },
    body: await gzipped(reply.body!, options),
  };
}

/** What the ETag of a compressed representation ends in. */
const gzipSuffix = ".gzip";

/** The ETag of the same representation before it was compressed. */
export function uncompressedTag(tag: string): string {
  return tag.endsWith(`${gzipSuffix}"`) ? `${tag.slice(0, -gzipSuffix.length - 1)}"` : tag;
}

function varyOf(vary: Reply["headers"]["vary"]): string {
  const names = String(vary ?? "");
  if (/\baccept-encoding\b/i.test(names)) return names;
  return names === "" ? "Accept-Encoding" : `${names}, Accept-Encoding`;
}

function takesGzip(acceptEncoding: string | undefined): boolean {
  let gzip: number | undefined;
  let any = 0;
  for (const part of (acceptEncoding ?? "").toLowerCase().split(",")) {
    const [coding, ...parameters] = part.split(";").map((text) => text.trim());
    if (coding === "gzip" || coding === "x-gzip") gzip = weightOf(parameters);
    else if (coding === "*") any = weightOf(parameters);
  }
  return (gzip ?? any) > 0;
}
