import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, connectHttp, tlsFetch } from "@kvts/client";
import { describe, expect, test } from "vitest";
import { makeCertificate } from "./testing/certificates.ts";
import { kvts, scratch, startServer } from "./testing/kvts.ts";

describe("TLS", () => {
  test("a server, both clients and every command, with certificates on both sides", { timeout: 60_000 }, async () => {
    const folder = scratch();
    const [server, client, stranger] = await Promise.all(
      ["server", "client", "stranger"].map((name) => makeCertificate(folder, name)),
    );
    const secure = ["--tls-cert", server!.cert, "--tls-key", server!.key, "--tls-client-ca", client!.cert];
    const { grpcUrl, httpUrl, stop } = await startServer(["--db-path", join(folder, "data"), ...secure]);
    expect([grpcUrl, httpUrl].every((url) => url.startsWith("https://127.0.0.1:"))).toBe(true);
    const tls = { ca: readFileSync(server!.cert), cert: readFileSync(client!.cert), key: readFileSync(client!.key) };
    await using grpc = connect(grpcUrl, { tls });
    await using http = connectHttp(httpUrl, { fetch: tlsFetch(tls) });
    await grpc.put("k", "over gRPC");
    expect((await http.get("k"))?.text()).toBe("over gRPC");
    await http.put("k", "over HTTP");
    expect(await http.get("nothing")).toBeUndefined();
    expect((await grpc.get("k"))?.text()).toBe("over HTTP");
    const flags = ["--ca", server!.cert, "--client-cert", client!.cert, "--client-key", client!.key];
    const env = { KVTS_CA: server!.cert, KVTS_CLIENT_CERT: client!.cert, KVTS_CLIENT_KEY: client!.key };
    for (const url of [grpcUrl, httpUrl]) {
      expect(await kvts(["get", "k", "--url", url, ...flags])).toMatchObject({ code: 0, out: "over HTTP" });
      expect(await kvts(["flush", "--url", url], { env })).toMatchObject({ code: 0 });
      const untrusting = await kvts(["get", "k", "--url", url]);
      expect(untrusting).toMatchObject({ code: 1, out: "" });
      expect(untrusting.err).toContain("--ca");
    }
    const noRetry = { retry: { triesMax: 1 } };
    for (const other of [
      connect(grpcUrl, { ...noRetry }),
      connect(grpcUrl, { ...noRetry, tls: { ca: tls.ca } }),
      connect(grpcUrl, {
        ...noRetry,
        tls: { ...tls, cert: readFileSync(stranger!.cert), key: readFileSync(stranger!.key) },
      }),
      connectHttp(httpUrl, { ...noRetry, fetch: tlsFetch({ ca: tls.ca }) }),
      connectHttp(httpUrl, noRetry),
    ]) {
      await using store = other;
      await expect(store.get("k")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    }
    expect(await stop()).toBe(0);
  });

  test("new certificates are used from SIGHUP on, once they can be", { timeout: 60_000 }, async () => {
    const folder = scratch();
    const [first, second] = await Promise.all(["first", "second"].map((name) => makeCertificate(folder, name)));
    const [certUsed, keyUsed] = [join(folder, "used.crt"), join(folder, "used.key")];
    copyFileSync(first!.cert, certUsed);
    copyFileSync(first!.key, keyUsed);
    const flags = ["--tls-cert", certUsed, "--tls-key", keyUsed, "--log-level", "info"];
    const { grpcUrl, child, stop } = await startServer(["--db-path", join(folder, "data"), ...flags]);
    let log = "";
    child.stderr!.on("data", (text: string) => {
      log += text;
    });
    await using before = connect(grpcUrl, { tls: { ca: readFileSync(first!.cert) } });
    await before.put("k", "v");
    copyFileSync(second!.cert, certUsed);
    child.kill("SIGHUP");
    await expect.poll(() => log).toContain("the old ones stay in use");
    copyFileSync(second!.key, keyUsed);
    child.kill("SIGHUP");
    await expect.poll(() => log).toContain("have been renewed");
    await using after = connect(grpcUrl, { tls: { ca: readFileSync(second!.cert) } });
    for (const store of [before, after]) expect((await store.get("k"))?.text()).toBe("v");
    expect(await stop()).toBe(0);
  });

  test.each([
    [["--tls-cert", "x"], "give both --tls-cert and --tls-key"],
    [["--tls-client-ca", "x"], "give both --tls-cert and --tls-key"],
    [["--tls-cert", "none.crt", "--tls-key", "none.key"], "--tls-cert names none.crt, which cannot be read (ENOENT)"],
  ])("%j is refused, and nothing is made", async (flags, sentence) => {
    const cwd = scratch();
    const { code, err } = await kvts(["server", "--port", "0", "--http-port", "0", ...flags], { cwd });
    expect(err).toContain(sentence);
    expect([code, existsSync(join(cwd, "data"))]).toEqual([2, false]);
  });

  test("a client's tls is for https, and has to be PEM", () => {
    expect(() => connect("http://127.0.0.1:1", { tls: {} })).toThrow("write https://");
    expect(() => connect("https://127.0.0.1:1", { tls: { ca: "x", cert: "y", key: "z" } })).toThrow("PEM");
  });
});

describe("tokens", () => {
  test("the first is made beside the store, others with it, and each goes as far as it goes", {
    timeout: 60_000,
  }, async () => {
    const dbPath = join(scratch(), "data");
    const first = await kvts(["token", "create", "--role", "admin", "--db-path", dbPath]);
    expect(first).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^kvts_[0-9a-f]{16}_[0-9a-f]{64}\n$/) as string,
    });
    const admin = first.out.trim();
    const { grpcUrl, httpUrl, stop } = await startServer(["--db-path", dbPath]);
    for (const url of [grpcUrl, httpUrl]) {
      const made = await kvts(
        ["token", "create", "--role", "read", "--prefix", "users:", "--name", "Ann", "--json", "--url", url],
        { env: { KVTS_TOKEN: admin } },
      );
      const { token, id } = JSON.parse(made.out) as { token: string; id: string };
      expect(JSON.parse(made.out)).toMatchObject({ name: "Ann", role: "read", prefix: "users:" });
      expect(await kvts(["put", "users:1", "ann", "--url", url, "--token", admin])).toMatchObject({ code: 0 });
      const env = { KVTS_TOKEN: token };
      expect(await kvts(["get", "users:1", "--url", url], { env })).toMatchObject({ code: 0, out: "ann" });
      const put = await kvts(["put", "users:1", "bob", "--url", url, "--json"], { env });
      expect(JSON.parse(put.err)).toMatchObject({ error: { code: "PERMISSION_DENIED" } });
      expect((await kvts(["scan", "--url", url], { env })).err).toContain('keys that begin with "users:"');
      expect((await kvts(["get", "users:1", "--url", url])).err).toContain("wants a token");
      await using grpc = connect(grpcUrl, { token });
      await using http = connectHttp(httpUrl, { token });
      await Promise.all(["users:1", "users:2"].map((key) => grpc.get(key)));
      for (const store of [grpc, http]) {
        expect((await store.get("users:1"))?.text()).toBe("ann");
        await expect(store.get("other")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
      }
      const listed = await kvts(["token", "list", "--url", url, "--token", admin]);
      expect(listed.out).toContain(`${id}\tread\tusers:…\t`);
      expect(await kvts(["token", "revoke", id, "--url", url, "--token", admin])).toMatchObject({ code: 0 });
      await expect(http.get("users:1")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
      // Calls that travel together do so on a stream that was opened before.
      for (const outcome of await Promise.allSettled(["users:1", "users:2"].map((key) => grpc.get(key)))) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "UNAUTHENTICATED" } });
      }
    }
    // The directory is held.
    expect((await kvts(["token", "list", "--db-path", dbPath])).err).toContain("LOCK");
    expect(await stop()).toBe(0);
    expect((await kvts(["token", "list", "--db-path", dbPath])).out.split("\n")).toHaveLength(2);
    expect((await kvts(["verify", "--db-path", dbPath])).code).toBe(0);
  });

  test("one may expire, and have a rate", { timeout: 60_000 }, async () => {
    const dbPath = join(scratch(), "data");
    const create = ["token", "create", "--role", "admin", "--db-path", dbPath, "--json"];
    const made = await kvts([...create, "--expires", "90d", "--rate", "100"]);
    const { createdAt, expiresAt, callsPerSecond } = JSON.parse(made.out) as Record<string, number>;
    expect([expiresAt! - createdAt!, callsPerSecond]).toEqual([90 * 24 * 3600 * 1_000_000, 100]);
    const listed = await kvts(["token", "list", "--db-path", dbPath]);
    expect(listed.out).toMatch(/\texpires \d{4}-\S+Z\t100 calls a second\n$/);
    expect((await kvts([...create, "--expires", "soon"])).err).toContain("--expires");
    expect((await kvts([...create, "--rate", "0"])).err).toContain("--rate must be a whole number");
  });

  test.each([
    [["token", "create"], "a new token needs a --role"],
    [["token", "create", "--role", "root"], "--role is"],
    [["token", "revoke"], "the id of the token is missing"],
    [["token", "list", "x"], "takes no id"],
    [["get", "k", "--url", "https://127.0.0.1:1", "--client-cert", "x"], "--client-cert names x"],
  ])("%j makes no sense", async (args, sentence) => {
    const { code, err } = await kvts(args);
    expect(err).toContain(sentence);
    expect(code).toBe(2);
  });
});

test("an address for other machines needs TLS, a token, or to be meant; nothing is made before", async () => {
  const cwd = scratch();
  const flags = ["--host", "0.0.0.0", "--port", "0", "--http-port", "0"];
  const refused = await kvts(["server", ...flags], { cwd });
  expect(refused.err).toContain("0.0.0.0 lets other machines in");
  expect([refused.code, existsSync(join(cwd, "data"))]).toEqual([2, false]);
  const meant = await startServer(["--host", "0.0.0.0", "--insecure", "true"], { cwd });
  expect(await meant.stop()).toBe(0);
});
