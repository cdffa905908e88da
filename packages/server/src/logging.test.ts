import { expect, test } from "vitest";
import { createLogger } from "./logging.ts";
import { served } from "./testing/harness.ts";

function lines(): { write(line: string): void; readonly written: string[] } {
  const written: string[] = [];
  return { written, write: (line) => void written.push(line) };
}

test("every request is a line at level debug, with its id, and neither key nor value", async () => {
  const destination = lines();
  const { fetch } = await served({ logger: createLogger({ level: "debug", destination }) });
  const put = await fetch("/v1/keys/secret-key", { method: "PUT", body: "secret-value" });
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ key: Buffer.from("secret-key").toString("base64") });
  const get = await fetch("/kvts.v1.KvService/Get", { method: "POST", headers, body });
  const requests = destination.written
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === "answered");
  expect(requests).toMatchObject([
    { call: "putKey", status: 200, requestId: put.headers.get("kvts-request-id") },
    { call: "Get", status: "OK", requestId: get.headers.get("kvts-request-id") },
  ]);
  expect(destination.written.join("")).not.toContain("secret");
});

test("errors are written with their stack, levels below the least are not", () => {
  const destination = lines();
  const logger = createLogger({ destination });
  logger.debug({}, "unseen");
  logger.error({ err: new Error("boom"), requestId: "r-1" }, "a call failed");
  expect(destination.written).toHaveLength(1);
  expect(JSON.parse(destination.written[0]!)).toMatchObject({ level: 50, requestId: "r-1", err: { message: "boom" } });
});
