import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, utf8 } from "@kvts/common";
import { expect, onTestFinished, test } from "vitest";
import { openTokens, type Tokens } from "./tokens.ts";

function tokensFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "kvts-tokens-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, "TOKENS");
}

const open = (path: string): Promise<Tokens> => openTokens(path, systemClock);

test("without a file nobody needs a token; from the first one on everybody does, for good", async () => {
  const path = tokensFile();
  const tokens = await open(path);
  expect(tokens.required).toBe(false);
  const { info } = await tokens.createToken({ role: "admin" });
  expect([tokens.required, (await open(path)).required]).toEqual([true, true]);
  await tokens.revokeToken(info.id);
  expect([tokens.required, (await open(path)).required]).toEqual([true, true]);
});

test("a token is known by its text, also after a restart, until it is revoked", async () => {
  const path = tokensFile();
  const tokens = await open(path);
  const admin = await tokens.createToken({ role: "admin" });
  const scoped = await tokens.createToken({ role: "read", prefix: utf8("users:"), name: "Ann" });
  for (const each of [tokens, await open(path)]) {
    expect(each.grantOf(`Bearer ${admin.token}`)).toMatchObject({ role: "admin", prefix: new Uint8Array(0) });
    expect(each.grantOf(`bearer  ${scoped.token}`)).toMatchObject({ role: "read", prefix: utf8("users:") });
    expect(each.listTokens()).toEqual([admin.info, scoped.info]);
  }
  await tokens.revokeToken(scoped.info.id);
  for (const each of [tokens, await open(path)]) {
    expect(() => each.grantOf(`Bearer ${scoped.token}`)).toThrow(expect.objectContaining({ code: "UNAUTHENTICATED" }));
  }
});

test("what is nearly a token is none", async () => {
  const tokens = await open(tokensFile());
  const { token } = await tokens.createToken({ role: "admin" });
  const changed = token.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  for (const header of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    token,
    `Basic ${token}`,
    `Bearer ${changed}`,
    `Bearer ${token}0`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token.toUpperCase()}`,
    `Bearer kvts_${"0".repeat(16)}_${"0".repeat(64)}`,
    `Bearer ${token}, Bearer ${token}`,
  ]) {
    expect(() => tokens.grantOf(header), header).toThrow(expect.objectContaining({ code: "UNAUTHENTICATED" }));
  }
});

test("the file holds no secret, is its owner's alone, and is replaced as a whole", async () => {
  const path = tokensFile();
  const tokens = await open(path);
  const made = await Promise.all(Array.from({ length: 10 }, () => tokens.createToken({ role: "admin" })));
  const text = readFileSync(path, "utf8");
  for (const { token, info } of made) {
    expect(text).not.toContain(token.slice(-64));
    expect(text).toContain(info.id);
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(path, ".."))).toEqual(["TOKENS"]);
});

test.each([
  "",
  "{",
  "[]",
  '{"version":2,"tokens":[]}',
  '{"version":1,"tokens":[{"id":"x"}]}',
  '{"version":1,"tokens":[null]}',
])("a file with %j is damage, not an open door", async (text) => {
  const path = tokensFile();
  writeFileSync(path, text);
  await expect(open(path)).rejects.toMatchObject({ code: "CORRUPTION", details: { file: path } });
});

test("requests that make no sense are refused, and leave nothing", async () => {
  const path = tokensFile();
  const tokens = await open(path);
  const refused = { code: "INVALID_ARGUMENT" };
  await expect(tokens.createToken({ role: "read" })).rejects.toMatchObject(refused);
  await expect(tokens.createToken({ role: "admin", prefix: utf8("a") })).rejects.toMatchObject(refused);
  await expect(tokens.createToken({ role: "root" as "admin" })).rejects.toMatchObject(refused);
  await expect(tokens.createToken({ role: "admin", name: "x".repeat(201) })).rejects.toMatchObject(refused);
  await expect(tokens.revokeToken("0")).rejects.toMatchObject(refused);
  expect([tokens.required, tokens.listTokens()]).toEqual([false, []]);
  await expect((await openTokens(undefined, systemClock)).createToken({ role: "admin" })).rejects.toMatchObject({
    code: "UNIMPLEMENTED",
  });
});

test("a token expires, also under calls that have begun, and after a restart", async () => {
  const path = tokensFile();
  let now = 1_700_000_000_000_000;
  const clock = { now: () => now };
  const tokens = await openTokens(path, clock);
  await tokens.createToken({ role: "admin" });
  const { token, info } = await tokens.createToken({ role: "read", expiresIn: 1000, callsPerSecond: 7 });
  expect(info).toMatchObject({ expiresAt: now + 1000, callsPerSecond: 7 });
  const grant = tokens.grantOf(`Bearer ${token}`);
  now += 999;
  tokens.checkLive(grant);
  expect(tokens.grantOf(`Bearer ${token}`)).toBe(grant);
  now += 1;
  const expired = expect.objectContaining({
    code: "UNAUTHENTICATED",
    message: expect.stringContaining("expired") as string,
  }) as Error;
  expect(() => tokens.checkLive(grant)).toThrow(expired);
  const again = await openTokens(path, clock);
  for (const each of [tokens, again]) expect(() => each.grantOf(`Bearer ${token}`)).toThrow(expired);
  expect(again.listTokens()[1]).toEqual(info);
});

test.each([{ expiresIn: 0 }, { expiresIn: 1.5 }, { expiresIn: Number.MAX_SAFE_INTEGER }, { callsPerSecond: 0 }])(
  "%j is refused",
  async (limit) => {
    const tokens = await open(tokensFile());
    await expect(tokens.createToken({ role: "admin", ...limit })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(tokens.required).toBe(false);
  },
);
