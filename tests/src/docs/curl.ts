/*
 * Stands in for curl where documents are tested, so that the tests need no more than Node. It knows the options that the
 * documents use, and refuses others. What it prints is what curl prints to a terminal.
 */
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: "boolean", short: "s" },
    include: { type: "boolean", short: "i" },
    request: { type: "string", short: "X" },
    header: { type: "string", short: "H", multiple: true },
    data: { type: "string", short: "d" },
    json: { type: "string" },
  },
});

const headers = new Map<string, string>([["accept", "*/*"]]);
if (values.data !== undefined) headers.set("content-type", "application/x-www-form-urlencoded");
if (values.json !== undefined) headers.set("content-type", "application/json").set("accept", "application/json");
for (const header of values.header ?? []) {
  const colon = header.indexOf(":");
  headers.set(header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim());
}
const body = values.data ?? values.json;
const method = values.request ?? (body === undefined ? "GET" : "POST");

const [url] = positionals;
if (url === undefined || positionals.length > 1) throw new Error(`curl is given one URL, not ${positionals.length}`);
const call = request(url, { method, headers: Object.fromEntries(headers) }, async (response) => {
  const answer = await text(response);
  if (values.include === true) {
    process.stdout.write(`HTTP/${response.httpVersion} ${response.statusCode} ${response.statusMessage}\r\n`);
    for (let at = 0; at < response.rawHeaders.length; at += 2) {
      process.stdout.write(`${response.rawHeaders[at]}: ${response.rawHeaders[at + 1]}\r\n`);
    }
    process.stdout.write("\r\n");
  }
  process.stdout.write(answer);
});
call.end(body);
