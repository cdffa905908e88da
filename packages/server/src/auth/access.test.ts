import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { Metadata, status } from "@grpc/grpc-js";
import { AdminService, ErrorInfoSchema, KvService, Role } from "@kvts/api";
import { systemClock, utf8 } from "@kvts/common";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { foreignService } from "../testing/foreign.ts";
import { problemOf, type Served, served } from "../testing/harness.ts";
import { ways } from "../testing/transports.ts";
import { openTokens } from "./tokens.ts";

/** Tokens for everything, for reading and for writing keys that begin with `users:`. */
let tokens: { readonly admin: string; readonly read: string; readonly write: string };
let tokensFile: string;

beforeEach(async () => {
  const directory = mkdtempSync(join(tmpdir(), "kvts-access-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  tokensFile = join(directory, "TOKENS");
  const file = await openTokens(tokensFile, systemClock);
  const prefix = utf8("users:");
  tokens = {
    admin: (await file.createToken({ role: "admin" })).token,
    read: (await file.createToken({ role: "read", prefix })).token,
    write: (await file.createToken({ role: "write", prefix })).token,
  };
});

type Who = keyof typeof tokens | "nobody" | "stranger";

function authorization(who: Who): string | undefined {
  if (who === "nobody") return undefined;
  return `Bearer ${who === "stranger" ? `kvts_${"1".repeat(16)}_${"2".repeat(64)}` : tokens[who]}`;
}

async function filled(): Promise<Served> {
  const all = await served({ tokensFile });
  await all.store.put("users:1", "ann");
  await all.store.put("secret", "x");
  return all;
}

/** What each may do: 200 for what is done, else the status of the refusal. */
const rules: readonly (readonly [string, string, object, Readonly<Record<Who, number>>])[] = [
  ["GET", "/v1/keys/users%3A1", {}, { admin: 200, read: 200, write: 200, nobody: 401, stranger: 401 }],
  ["GET", "/v1/keys/secret", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/keys/none", {}, { admin: 404, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/keys/users%3A1/versions", {}, { admin: 200, read: 200, write: 200, nobody: 401, stranger: 401 }],
  ["GET", "/v1/keys/secret/versions", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/keys/secret/aggregate?step=1h", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["POST", "/v1/snapshots", {}, { admin: 201, read: 201, write: 201, nobody: 401, stranger: 401 }],
  [
    "GET",
    `/v1/keys/secret?snapshot=${"A".repeat(32)}`,
    {},
    { admin: 410, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  ["GET", "/v1/keys?prefix=users%3A", {}, { admin: 200, read: 200, write: 200, nobody: 401, stranger: 401 }],
  ["GET", "/v1/keys", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/diff?from=0&to=now", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  [
    "GET",
    "/v1/diff?prefix=users%3A&from=0&to=now",
    {},
    { admin: 200, read: 200, write: 200, nobody: 401, stranger: 401 },
  ],
  ["POST", "/v1/get", { keys: ["users:1"] }, { admin: 200, read: 200, write: 200, nobody: 401, stranger: 401 }],
  [
    "POST",
    "/v1/get",
    { keys: ["users:1", "secret"] },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  ["PUT", "/v1/keys/users%3A2", { value: "v" }, { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 }],
  ["PUT", "/v1/keys/secret", { value: "v" }, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["DELETE", "/v1/keys/users%3A2", {}, { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 }],
  ["DELETE", "/v1/keys/users%3A2/versions/5", {}, { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 }],
  [
    "POST",
    "/v1/batch",
    { operations: [{ op: "put", key: "users:3", value: "" }] },
    { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    {
      operations: [
        { op: "put", key: "users:3", value: "" },
        { op: "delete", key: "other" },
      ],
    },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    {
      operations: [{ op: "put", key: "users:4", value: "" }],
      preconditions: [{ key: "nothing", ifAbsent: true }],
    },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { prefix: "users:2" },
    { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { start: "users:2", end: "users;0", timestamp: 1 },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { start: "users:2", timestamp: 1 },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { prefix: "user", timestamp: 1 },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { start: "a", end: "users:2", timestamp: 1 },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { start: "users:2", end: "users;0", timestamp: 1, dryRun: true },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { start: "users:2", timestamp: 1, dryRun: true },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { prefix: "user", timestamp: 1, dryRun: true },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { start: "a", end: "users:2", timestamp: 1, dryRun: true },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { prefix: "users:", dryRun: true },
    { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    { operations: [{ op: "deleteRange", start: "users:2", end: "users:4" }] },
    { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    {
      operations: [
        { op: "put", key: "users:3", value: "" },
        { op: "deleteRange", prefix: "", timestamp: 1 },
      ],
    },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    {
      operations: [
        { op: "put", key: "users:3", value: "" },
        { op: "deleteRange", prefix: "user", timestamp: 1 },
      ],
    },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    {
      operations: [
        { op: "put", key: "users:3", value: "" },
        { op: "deleteRange", start: "users:2", timestamp: 1 },
      ],
    },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/batch",
    {
      operations: [
        { op: "put", key: "users:3", value: "" },
        { op: "deleteRange", end: "users:2", timestamp: 1 },
      ],
    },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:delete",
    { prefix: "", timestamp: 1 },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  ["POST", "/v1/admin/flush", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["POST", "/v1/admin/compact", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  [
    "POST",
    "/v1/ranges:restore",
    { prefix: "users:", to: "now" },
    { admin: 200, read: 403, write: 200, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:restore",
    { prefix: "", to: "now", dryRun: true },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:erase",
    { prefix: "users:9" },
    { admin: 202, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  [
    "POST",
    "/v1/ranges:erase",
    { key: "users:9", dryRun: true },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  ["POST", "/v1/admin/verify", {}, { admin: 501, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["POST", "/v1/admin/checkpoint", { name: "a" }, { admin: 501, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/operations/x", {}, { admin: 410, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/retention", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  [
    "PUT",
    "/v1/retention",
    { prefix: "users:", keepFor: "30d" },
    { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 },
  ],
  ["DELETE", "/v1/retention?prefix=users%3A", {}, { admin: 200, read: 403, write: 403, nobody: 401, stranger: 401 }],
  ["GET", "/v1/status", {}, { admin: 200, read: 200, write: 200, nobody: 401, stranger: 401 }],
  ["GET", "/readyz", {}, { admin: 200, read: 200, write: 200, nobody: 200, stranger: 200 }],
  ["GET", "/openapi.json", {}, { admin: 200, read: 200, write: 200, nobody: 200, stranger: 200 }],
];

test("over HTTP each may do what its token is for", async () => {
  const { fetch } = await filled();
  for (const [method, path, body, expected] of rules) {
    for (const [who, code] of Object.entries(expected) as [Who, number][]) {
      const header = authorization(who);
      const headers = { "content-type": "application/json", ...(header !== undefined && { authorization: header }) };
      const json = method === "PUT" || method === "POST" ? { body: JSON.stringify(body) } : {};
      const response = await fetch(path, { method, headers, ...json });
      expect(response.status, `${who}: ${method} ${path} ${JSON.stringify(body)}`).toBe(code);
      if (code === 401) {
        expect(response.headers.get("www-authenticate")).toBe("Bearer");
        expect(await problemOf(response)).toMatchObject({ code: "UNAUTHENTICATED" });
      } else if (code === 403) {
        expect(await problemOf(response)).toMatchObject({ code: "PERMISSION_DENIED" });
      }
    }
  }
});

describe.each(ways)("$name", ({ open }) => {
  test("each may do what its token is for", async () => {
    const { server, store } = await filled();
    const before = (await store.stats()).seq;
    const kv = createClient(KvService, open(server));
    const admin = createClient(AdminService, open(server));
    const codeOf = async (who: Who, call: (options: { headers: Record<string, string> }) => Promise<unknown>) => {
      const header = authorization(who);
      return call({ headers: header === undefined ? {} : { authorization: header } }).then(
        () => 0,
        (error: unknown) => {
          const { code } = ConnectError.from(error);
          const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
          expect(info).toMatchObject({
            domain: "kvts",
            reason: expect.stringMatching(/^(?:UNAUTHENTICATED|PERMISSION_DENIED)$/) as string,
          });
          return code;
        },
      );
    };
    const [inside, outside] = [utf8("users:1"), utf8("secret")];
    const { Unauthenticated, PermissionDenied } = Code;
    expect(await codeOf("nobody", (o) => kv.get({ key: inside }, o))).toBe(Unauthenticated);
    expect(await codeOf("stranger", (o) => kv.put({ key: inside, value: inside }, o))).toBe(Unauthenticated);
    expect(await codeOf("nobody", (o) => kv.scan({}, o))).toBe(Unauthenticated);
    expect(await codeOf("read", (o) => kv.get({ key: inside }, o))).toBe(0);
    expect(await codeOf("read", (o) => kv.get({ key: outside }, o))).toBe(PermissionDenied);
    expect(await codeOf("read", (o) => kv.put({ key: inside, value: inside }, o))).toBe(PermissionDenied);
    expect(await codeOf("read", (o) => kv.delete({ key: inside }, o))).toBe(PermissionDenied);
    expect(await codeOf("read", (o) => kv.batchGet({ keys: [inside, outside] }, o))).toBe(PermissionDenied);
    expect(await codeOf("read", (o) => kv.scan({}, o))).toBe(PermissionDenied);
    expect(await codeOf("read", (o) => kv.scan({ range: { prefix: utf8("users:") } }, o))).toBe(0);
    expect(await codeOf("write", (o) => admin.flush({}, o))).toBe(PermissionDenied);
    expect(await codeOf("write", (o) => admin.createToken({ role: Role.ADMIN }, o))).toBe(PermissionDenied);
    expect(await codeOf("write", (o) => admin.listTokens({}, o))).toBe(PermissionDenied);
    expect((await store.stats()).seq).toBe(before);
    expect(await codeOf("write", (o) => kv.put({ key: inside, value: inside }, o))).toBe(0);
    expect(await codeOf("write", (o) => kv.put({ key: outside, value: inside }, o))).toBe(PermissionDenied);
    expect(await codeOf("admin", (o) => kv.put({ key: outside, value: inside }, o))).toBe(0);
  });
});

test("tokens are made, listed and revoked over the network, and count at once", async () => {
  const { server } = await served({ tokensFile });
  const admin = foreignService(server.grpcUrl, "kvts.v1.AdminService");
  const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
  const as = (token: string): Metadata => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    return metadata;
  };
  const made = await admin.call(
    "CreateToken",
    { role: "ROLE_READ", prefix: Buffer.from("a"), name: "Ann" },
    as(tokens.admin),
  );
  const secret = String(made.secret);
  const [, , , listed] = (await admin.call("ListTokens", {}, as(tokens.admin))).tokens as unknown as object[];
  expect(listed).toMatchObject({ id: made.token!.id, name: "Ann", prefix: Buffer.from("a") });
  expect(JSON.stringify(listed)).not.toContain(secret.slice(-64));
  await kv.call("Get", { key: Buffer.from("a1") }, as(secret));
  await admin.call("RevokeToken", { id: made.token!.id }, as(tokens.admin));
  await expect(kv.call("Get", { key: Buffer.from("a1") }, as(secret))).rejects.toMatchObject({
    code: status.UNAUTHENTICATED,
  });
  await expect(admin.call("CreateToken", {}, as(tokens.admin))).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});

test("the first token of a server that was open closes it to all others", async () => {
  const { server, fetch } = await served({ tokensFile: `${tokensFile}-2` });
  const admin = foreignService(server.grpcUrl, "kvts.v1.AdminService");
  expect((await fetch("/v1/keys")).status).toBe(200);
  const { secret } = await admin.call("CreateToken", { role: "ROLE_ADMIN" });
  expect((await fetch("/v1/keys")).status).toBe(401);
  expect((await fetch("/v1/keys", { headers: { authorization: `Bearer ${String(secret)}` } })).status).toBe(200);
});

test("health needs no token", async () => {
  const { server } = await served({ tokensFile });
  const health = foreignService(server.grpcUrl, "grpc.health.v1.Health");
  expect(await health.call("Check", { service: "" })).toEqual({ status: 1 });
});

test("a caller without a token does not get to send its body", async () => {
  const { fetch } = await served({ tokensFile });
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
  const response = await fetch("/v1/keys/a", { method: "PUT", body, duplex: "half" } as RequestInit);
  expect(response.status).toBe(401);
});

test("a token has its calls a second, and no more on any face; others have theirs", async () => {
  const file = await openTokens(tokensFile, systemClock);
  const slow = (await file.createToken({ role: "read", callsPerSecond: 1 })).token;
  const { server, fetch, store } = await served({ tokensFile });
  await store.put("k", "v");
  const get = (token: string): Promise<Response> =>
    fetch("/v1/keys/k", { headers: { authorization: `Bearer ${token}` } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(slow)));
  const refused = answers.filter(({ status }) => status === 429);
  // However slow the machine is, they do not take a second each.
  expect(refused.length).toBeGreaterThan(0);
  expect(answers.length - refused.length).toBe(answers.filter(({ status }) => status === 200).length);
  expect(refused.length).toBeLessThan(answers.length);
  expect(refused[0]!.headers.get("retry-after")).toBe("1");
  expect(await problemOf(refused[0]!)).toMatchObject({ code: "OVERLOADED", details: { limit: 1 } });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${slow}`);
  const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
  const overGrpc = await Promise.allSettled(
    Array.from({ length: 20 }, () => kv.call("Get", { key: Buffer.from("k") }, metadata)),
  );
  expect(overGrpc.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { code: status.RESOURCE_EXHAUSTED },
  });
  expect((await get(tokens.admin)).status).toBe(200);
});

test("what administrators do is logged, with who did it and what became of it, and nothing that is secret", async () => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const logger = {
    debug: () => {},
    info: (fields: object) => void lines.push({ ...fields }),
    warn: () => {},
    error: () => {},
  };
  const { fetch } = await served({ tokensFile, logger });
  const by = (token: string): RequestInit => ({ method: "POST", headers: { authorization: `Bearer ${token}` } });
  await fetch("/v1/admin/flush", by(tokens.admin));
  await fetch("/v1/admin/flush", by(tokens.write));
  await fetch("/v1/keys/users%3A1", { ...by(tokens.write), method: "PUT", body: "value" });
  const id = (token: string): string => token.split("_")[1]!;
  expect(lines.filter(({ audit }) => audit !== undefined)).toEqual([
    { audit: "flush", token: id(tokens.admin), name: "", code: "OK" },
    { audit: "flush", token: id(tokens.write), name: "", code: "PERMISSION_DENIED" },
  ]);
  expect(JSON.stringify(lines)).not.toContain(tokens.admin);
});

test("a server without tokens logs what administrators do, too", async () => {
  const lines: object[] = [];
  const logger = {
    debug: () => {},
    info: (fields: object) => void lines.push(fields),
    warn: () => {},
    error: () => {},
  };
  const { fetch } = await served({ logger });
  await fetch("/v1/admin/compact", { method: "POST" });
  await fetch("/v1/status");
  expect(lines.filter((line) => "audit" in line)).toEqual([{ audit: "compact", code: "OK" }]);
});
