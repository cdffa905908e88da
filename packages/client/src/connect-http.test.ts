import type { IncomingMessage, RequestListener } from "node:http";
import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { connectHttp, type HttpClientOptions } from "./connect-http.ts";
import { grpcServer } from "./testing/grpc-server.ts";
import { bodyOf, httpServer, sendJson, sendProblem } from "./testing/http-server.ts";

/** Details that say nothing of doubt about a write. */
const determinate: unknown = expect.not.objectContaining({ indeterminate: true });

/** For machines that are busy with other things. */
const timeout = 30_000;

const once: HttpClientOptions = { retry: { triesMax: 1 } };

/** A server, and a client of it. */
async function pair(listener: RequestListener, options: HttpClientOptions = {}) {
  const server = await httpServer(listener);
  const store = connectHttp(server.url, options);
  return {
    store,
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

/** A client of a server that answers every request with `answer`, and what it was asked. */
async function recording(answer: unknown, options: HttpClientOptions = {}) {
  const seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  const both = await pair(async (incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    seen.push({ method, url, headers, body: (await bodyOf(incoming)).toString("latin1") });
    sendJson(outgoing, answer);
  }, options);
  return { ...both, seen };
}

const long = new Uint8Array(60_000).fill(0x61);

describe("requests over HTTP", { timeout }, () => {
  test("a put is its value's bytes", async () => {
    await using both = await recording({ timestamp: 5, seq: 6 }, { headers: { authorization: "Bearer x" } });
    const { store, seen } = both;
    const options = { timestamp: 5, expiresAt: new Date(1), requestId: "é漢" };
    expect(await store.put("a/b", "\xff", options)).toEqual({ timestamp: 5, seq: 6 });
    await store.put("..", "");
    const requestId = Buffer.from("é漢").toString("latin1");
    expect(seen).toMatchObject([
      {
        method: "PUT",
        url: "/v1/keys/a%2Fb?ts=5&expiresAt=1000",
        headers: {
          "content-type": "application/octet-stream",
          "idempotency-key": requestId,
          authorization: "Bearer x",
        },
        body: "\xc3\xbf",
      },
      { method: "PUT", url: "/v1/keys/Li4?keyEncoding=base64url", body: "" },
    ]);
    expect(seen[1]!.headers).toHaveProperty("idempotency-key", expect.stringMatching(/^[\w-]{16}\.1$/));
  });

  test("conditions are parameters, or in the body", async () => {
    await using both = await recording({ timestamp: 5, seq: 6 });
    const { store, seen } = both;
    await store.put("k", "v", { ifAbsent: true });
    await store.delete("k", { ifSeq: 0, timestamp: 7 });
    await store.put("k", "v", { ifTimestamp: new Date(1) });
    await store.put(long, "v", { ifSeq: 3 });
    const preconditions = [{ key: Uint8Array.of(255), ifTimestamp: 4 }];
    await store.write([{ op: "delete", key: "k" }], { preconditions });
    expect(seen.slice(0, 3).map(({ url }) => url)).toEqual([
      "/v1/keys/k?ifAbsent=true",
      "/v1/keys/k?ts=7&ifSeq=0",
      "/v1/keys/k?ifTimestamp=1000",
    ]);
    const inBodies = seen.slice(3).map(({ body }) => (JSON.parse(body) as { preconditions: unknown }).preconditions);
    expect(inBodies).toEqual([
      [{ key: Buffer.from(long).toString(), ifSeq: 3 }],
      [{ keyBase64: "/w==", ifTimestamp: 4 }],
    ]);
  });

  test("a retract names its version in the path, of a long key in the body", async () => {
    await using both = await recording({ timestamp: 5, seq: 6 });
    const { store, seen } = both;
    expect(await store.retract("a/b", new Date(1), { ifSeq: 3, requestId: "r" })).toEqual({ timestamp: 5, seq: 6 });
    await store.retract("..", 0);
    await store.retract(long, 7, { ifTimestamp: 7 });
    await store.write([{ op: "retract", key: "k", timestamp: 5 }]);
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "DELETE /v1/keys/a%2Fb/versions/1000?ifSeq=3",
      "DELETE /v1/keys/Li4/versions/0?keyEncoding=base64url",
      "POST /v1/batch",
      "POST /v1/batch",
    ]);
    expect(seen[0]!.headers).toMatchObject({ "idempotency-key": "r" });
    const key = Buffer.from(long).toString();
    expect(JSON.parse(seen[2]!.body)).toEqual({
      operations: [{ op: "retract", key, timestamp: 7 }],
      preconditions: [{ key, ifTimestamp: 7 }],
    });
    expect(JSON.parse(seen[3]!.body)).toEqual({ operations: [{ op: "retract", key: "k", timestamp: 5 }] });
  });

  test("keys too long for a path go in the body", async () => {
    await using both = await recording({ timestamp: 5, seq: 6 });
    const { store, seen } = both;
    await store.put(long, Uint8Array.of(255), { timestamp: 5, requestId: "r" });
    await store.delete(long);
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(["POST /v1/batch", "POST /v1/batch"]);
    const key = Buffer.from(long).toString();
    expect(JSON.parse(seen[0]!.body)).toEqual({ operations: [{ op: "put", key, valueBase64: "/w==", timestamp: 5 }] });
    expect(JSON.parse(seen[1]!.body)).toEqual({ operations: [{ op: "delete", key }] });
    expect(seen[0]!.headers).toMatchObject({ "content-type": "application/json", "idempotency-key": "r" });
  });

  test("reads of one key are its value's bytes, of a long key JSON", async () => {
    const seen: (string | undefined)[] = [];
    await using both = await pair((incoming, outgoing) => {
      seen.push(incoming.url);
      if (incoming.method === "POST") return sendJson(outgoing, { items: [null], seq: 1 });
      if (incoming.url?.endsWith("at=0")) return sendProblem(outgoing, 404, "NOT_FOUND");
      outgoing.writeHead(200, { "kvts-timestamp": "1", "kvts-seq": "2", "kvts-expires-at": "9" }).end("\xff", "latin1");
    });
    const store = both.store.with({ keys: "bytes" });
    const key = utf8("k");
    const entry = await store.get(key, { asOf: 7 });
    expect({ ...entry }).toEqual({ key, value: Uint8Array.of(255), timestamp: 1, seq: 2, expiresAt: 9 });
    expect(entry?.key).not.toBe(key);
    expect(await store.get("k", { asOf: 0 })).toBeUndefined();
    expect(await store.get(long)).toBeUndefined();
    expect(seen).toEqual(["/v1/keys/k?at=7", "/v1/keys/k?at=0", "/v1/get"]);
  });

  test("lists", async () => {
    await using both = await recording({ items: [], seq: 1 });
    const { store, seen } = both;
    await store.scan({ prefix: "é" }, { asOf: 5, reverse: true, includeDeleted: true, limit: 9 }).toArray();
    await store.scan({ end: Uint8Array.of(255) }).toArray();
    await store.history("k", { from: 0, to: 9, reverse: true, limit: 2 }).toArray();
    expect(seen.map(({ url }) => url)).toEqual([
      "/v1/keys?start=%C3%A9&end=%C3%AA&at=5&reverse=true&includeDeleted=true&pageSize=9",
      "/v1/keys?end=_w&keyEncoding=base64url&pageSize=256",
      "/v1/keys/k/versions?from=0&to=9&reverse=true&pageSize=2",
    ]);
  });

  test("many keys", async () => {
    await using both = await recording({ items: [null, null], seq: 1 });
    await both.store.getMany(["a", Uint8Array.of(255)], { asOf: 3 });
    expect(JSON.parse(both.seen[0]!.body)).toEqual({ keys: ["a", { keyBase64: "/w==" }], at: 3, pageSize: 1000 });
  });

  test.each([" r", "r ", "a\nb", "\0"])("a request id that no header can carry is refused: %j", async (requestId) => {
    await using both = await recording({ timestamp: 5, seq: 6 });
    const refused = { code: "INVALID_ARGUMENT" };
    await expect(both.store.put("k", "v", { requestId })).rejects.toMatchObject(refused);
    await expect(both.store.write([{ op: "delete", key: "k" }], { requestId })).rejects.toMatchObject(refused);
    expect(both.seen).toEqual([]);
  });
});

describe("failures over HTTP", { timeout }, () => {
  test("the server's error arrives with code, sentence and details, and is not retried", async () => {
    let calls = 0;
    await using both = await pair((_, outgoing) => {
      calls++;
      sendProblem(outgoing, 410, "HISTORY_TRIMMED", { oldestReadable: 5 });
    });
    const error = { name: "KvtsError", code: "HISTORY_TRIMMED", message: "a sentence", details: { oldestReadable: 5 } };
    await expect(both.store.get("k", { asOf: 1 })).rejects.toMatchObject(error);
    await expect(both.store.scan().toArray()).rejects.toMatchObject(error);
    expect(calls).toBe(2);
  });

  test("a server that is back in a moment", async () => {
    let calls = 0;
    await using both = await pair((_, outgoing) => {
      calls++;
      if (calls < 3) return sendProblem(outgoing, 503, "UNAVAILABLE");
      sendJson(outgoing, { seq: 1, incarnation: "i", stats: {} });
    });
    expect(await both.store.stats()).toEqual({ seq: 1, incarnation: "i" });
    await expect(both.store.put("k", "v")).rejects.toMatchObject({
      code: "INTERNAL",
      details: { indeterminate: true },
    });
    expect(calls).toBe(4);
  });

  test("a write that an unavailable server refused is sent again under its request id, unless retries are off", async () => {
    const ids: unknown[] = [];
    const refusing: RequestListener = (incoming, outgoing) => {
      ids.push(incoming.headers["idempotency-key"]);
      sendProblem(outgoing, 503, "UNAVAILABLE");
    };
    await using both = await pair(refusing, { retry: { delayMsMax: 1 } });
    await expect(both.store.put("k", "v")).rejects.toMatchObject({ code: "UNAVAILABLE", details: determinate });
    expect([ids.length, new Set(ids).size]).toEqual([4, 1]);
    await using single = await pair(refusing, once);
    await expect(single.store.put("k", "v")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(ids.slice(4)).toEqual([undefined]);
  });

  test("no answer in time, before its head and within its body", async () => {
    await using both = await pair(
      (incoming, outgoing) => {
        if (incoming.url === "/v1/status") outgoing.writeHead(200).write("{");
      },
      { timeoutMs: 50 },
    );
    const late = { code: "DEADLINE_EXCEEDED" };
    await expect(both.store.get("k")).rejects.toMatchObject(late);
    await expect(both.store.stats()).rejects.toMatchObject(late);
    await expect(both.store.get("k", { timeoutMs: 20 })).rejects.toThrow("did not answer in time");
    await expect(both.store.put("k", "v")).rejects.toMatchObject({ ...late, details: { indeterminate: true } });
  });

  test("cancelled by its signal, or by a signal that times out", async () => {
    await using both = await pair(() => {});
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [both.store.get("k", { signal }), both.store.history("k", { signal }).toArray()];
    setTimeout(() => controller.abort(), 30);
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(both.store.get("k", { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
  });

  test("nobody listens", async () => {
    const server = await httpServer(() => {});
    await server[Symbol.asyncDispose]();
    await using store = connectHttp(server.url, once);
    const error = { code: "UNAVAILABLE", message: expect.stringContaining(`no server answers at ${server.url}`) };
    await expect(store.get("k")).rejects.toMatchObject(error);
    await expect(store.put("k", "v")).rejects.toMatchObject({ ...error, details: determinate });
  });

  test("a connection that breaks", async () => {
    await using both = await pair((incoming) => void incoming.socket.destroy(), once);
    await expect(both.store.get("k")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(both.store.put("k", "v")).rejects.toMatchObject({ details: { indeterminate: true } });
  });

  test("the port of an HTTP/2 server", async () => {
    await using server = await grpcServer(() => {});
    await using store = connectHttp(server.url, once);
    await expect(store.get("k")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/speaks another protocol; .*HTTP port/),
    });
  });

  test("what is no kvts server", async () => {
    await using both = await pair((_, outgoing) => void outgoing.writeHead(200).end("<html>"));
    for (const call of [() => both.store.get("k"), () => both.store.stats(), () => both.store.scan().toArray()]) {
      await expect(call()).rejects.toMatchObject({
        code: "INTERNAL",
        message: expect.stringContaining("cannot be read"),
      });
    }
  });

  test.each([
    ["announced", { "content-length": String(2 * 1024 * 1024) }],
    ["not announced", {}],
  ])("more bytes than any answer has, %s", async (_, headers) => {
    await using both = await pair((_, outgoing) => {
      outgoing.on("error", () => {});
      outgoing.writeHead(200, headers).end(" ".repeat(2 * 1024 * 1024));
    });
    await expect(both.store.stats()).rejects.toMatchObject({ code: "TOO_LARGE" });
    await expect(both.store.stats()).rejects.toMatchObject({ code: "TOO_LARGE" });
  });
});

describe("many requests over HTTP", { timeout }, () => {
  test("are under way 128 at a time, and wait within their deadlines", async () => {
    let most = 0;
    let answered = 0;
    const held: (() => void)[] = [];
    const answerHeld = (): void => {
      for (const answer of held.splice(0)) {
        answered++;
        answer();
      }
    };
    await using both = await pair((_, outgoing) => {
      held.push(() => outgoing.writeHead(200, { "kvts-timestamp": "1", "kvts-seq": "2" }).end("v"));
      most = Math.max(most, held.length);
      // Nothing is answered before as many as may are here; more than that would come within the delay.
      if (held.length === 128 || answered + held.length === 500) setTimeout(answerHeld, 20);
    });
    const { store } = both;
    const reads = Array.from({ length: 500 }, (_, i) => store.get(`k${i}`));
    await expect(store.get("late", { timeoutMs: 5 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect((await Promise.all(reads)).every((entry) => entry?.text() === "v")).toBe(true);
    expect(most).toBe(128);
  });

  test("a fetch of one's own", async () => {
    const asked: string[] = [];
    const store = connectHttp("http://example.test/base/", {
      async fetch(url, { method }) {
        asked.push(`${method} ${url}`);
        return Response.json({ timestamp: 1, seq: 2 });
      },
    });
    expect(await store.delete("k")).toEqual({ timestamp: 1, seq: 2 });
    expect(asked).toEqual(["DELETE http://example.test/base/v1/keys/k"]);
  });
});

test("asks for no compression, unless it is told to", async () => {
  for (const [headers, sent] of [
    [{}, "identity"],
    [{ "accept-encoding": "gzip" }, "gzip"],
  ] as const) {
    await using client = await recording({ items: [], seq: 1 }, { headers });
    await client.store.scan().toArray();
    expect(client.seen[0]!.headers["accept-encoding"]).toBe(sent);
  }
});
