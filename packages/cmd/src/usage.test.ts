import { describe, expect, test } from "vitest";
import { kvts } from "./testing/kvts.ts";
import { kvtsHere } from "./testing/kvts-here.ts";

describe("what cannot be meant ends with exit code 2 and a sentence", () => {
  test.each<readonly [readonly string[], string]>([
    [[], "a command is missing"],
    [["nope"], "there is no command nope"],
    [["put"], "missing arguments: 0 given, 1 needed; write `kvts put <key> [value]`"],
    [["put", "k"], "a value is given once"],
    [["put", "k", "v", "more"], "unknown argument more"],
    [["put", "k", "v", "--file", "f"], "a value is given once"],
    [["put", "k", "v", "--ttl", "1d", "--expires-at", "now"], "--ttl and --expires-at both"],
    [["put", "k", "v", "--ttl", "soon"], '--ttl: the duration "soon" cannot be read'],
    [["put", "", "v"], "a key has at least one byte"],
    [["get", "k", "--at"], "--at needs a value"],
    [["get", "k", "--at", "--url", "x"], "--at needs a value"],
    [["get", "k", "--at", "yesterday"], '--at: the time "yesterday" cannot be read'],
    [["repair"], "missing argument db-path; `kvts repair --help`"],
    [["verify", "--db-path", "d", "--url", "http://127.0.0.1:1"], "--url and --db-path"],
    [["verify", "--db-path", "d", "--bytes-per-second", "0"], "--bytes-per-second must be at least one byte a second"],
    [["get", "k", "--what"], "unknown argument what;"],
    [["get", "k", "--what-else"], "unknown argument what-else;"],
    [["get", "k", "--what-else", "--more-so"], "unknown arguments what-else, more-so;"],
    [["get", "k", "--no-json"], "unknown argument"],
    [["get", "k", "--key-encoding", "rot13"], "--key-encoding is"],
    [["get", "xyz", "--key-encoding", "hex"], "the key is not hex"],
    [["get", "k", "--url", "localhost:50051"], "cannot be used"],
    [["get", "k", "--url", "http://127.0.0.1:1", "--db-path", "d"], "--url and --db-path"],
    [["scan", "--limit", "1e3"], "--limit must be a whole number"],
    [["scan", "--limit", "0"], "--limit must be a whole number"],
    [["scan", "--prefix", "a", "--start", "b"], "leave one of the two forms out"],
    [["restore", "--to", "-1h"], "or say --all for every key"],
    [["restore", "--all", "--prefix", "a", "--to", "-1h"], "or say --all for every key"],
    [["restore", "--prefix", "a"], "to"],
    [["restore", "--prefix", "a", "--to", "soon"], '--to: the time "soon" cannot be read'],
    [["retention", "keep"], 'action is "keep", but may be "set", "list", "delete"'],
    [["retention", "set", "--keep-for", "1d"], "retention set needs --prefix"],
    [["retention", "set", "--prefix", "m:"], "retention set needs --keep-for"],
    [["retention", "list", "--prefix", "m:"], "retention list takes no --prefix"],
    [["retention", "delete", "--prefix", "m:", "--keep-for", "1d"], "retention delete takes no --keep-for"],
    [["delete-range"], "say --all for every key"],
    [["delete-range", "--prefix", "a", "--all"], "say --all for every key"],
    [["erase"], "name one key"],
    [["erase", "k", "--all", "--yes"], "name one key"],
    [["erase", "k", "--prefix", "k", "--yes"], "name one key"],
    [["erase", "k"], "add --yes where that is meant"],
    [["retract", "k"], "missing argument ts; `kvts retract --help`"],
    [["retract", "k", "--ts", "soon"], '--ts: the time "soon" cannot be read'],
    [["history", "k", "--step", "soon"], "--step: step must be a duration"],
    [["history", "k", "--step", "0"], "--step: step must be a duration"],
    [["history", "k", "--aggregate", "mean"], "give --step"],
    [["history", "k", "--step", "1h", "--aggregate", "median"], "--aggregate is"],
    [["history", "k", "--step", "1h", "--reverse"], "--reverse is for versions"],
    [["diff", "--from", "now"], "missing argument to; `kvts diff --help`"],
    [["diff", "--from", "now", "--to", "soon"], '--to: the time "soon" cannot be read'],
    [["import", "f.ndjson", "--key-column", "k"], "belong to CSV"],
    [["import", "f.csv", "--key-column", "k", "--key-template", "{k}"], "both say what the key is"],
    [["import", "f.csv", "--delimiter", "ab"], "--delimiter must be one ASCII character"],
    [["export", "--at", "now", "--history"], "give one of them"],
    [["bench", "fly"], "not a possible value"],
    [["bench", "--keys", "many"], "--keys must be a whole number"],
    [["server", "--port", "70000"], "--port must be a whole number, from 0 to 65535"],
    [["server", "--durability", "maybe"], "--durability must be one of sync, buffered"],
  ])("kvts %j", async (args, sentence) => {
    const { code, out, err } = await kvtsHere(args);
    expect(err).toContain(sentence);
    expect(err).toMatch(/^kvts: [^\n]+\n$/);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });
});

test("under --json a failure is an object on stderr", async () => {
  const { code, err, out } = await kvts(["get", "k", "--json", "--at", "yesterday"]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(JSON.parse(err)).toMatchObject({
    error: { code: "INVALID_ARGUMENT", message: expect.stringContaining("--at") },
  });
});

test("where no server answers, the sentence says how to start one", async () => {
  const { code, err } = await kvts(["get", "k", "--url", "http://127.0.0.1:1"]);
  expect(err).toBe(
    "kvts: no server answers at http://127.0.0.1:1; start a server with `kvts server`, or name another with --url or KVTS_URL\n",
  );
  expect(code).toBe(1);
});

test("KVTS_URL names the server, --url wins over it, and the last one over those before", async () => {
  const env = { KVTS_URL: "http://127.0.0.1:2" };
  expect((await kvts(["get", "k"], { env })).err).toContain("127.0.0.1:2;");
  expect((await kvts(["get", "k", "--url", "http://127.0.0.1:3"], { env })).err).toContain("127.0.0.1:3;");
  const twice = ["get", "k", "--url", "http://127.0.0.1:3", "--url", "http://127.0.0.1:4"];
  expect((await kvts(twice)).err).toContain("127.0.0.1:4;");
});

test("help and version go to stdout", async () => {
  const help = await kvts(["--help"]);
  expect(help).toMatchObject({ code: 0, err: "" });
  for (const command of ["server", "put", "get", "delete", "scan", "history", "import", "export", "stats", "bench"]) {
    expect(help.out).toContain(`kvts ${command}`);
  }
  expect(await kvts(["get", "--help"])).toMatchObject({ code: 0, err: "", out: expect.stringContaining("--at") });
  expect(await kvts(["--version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test("completion prints a script", async () => {
  const { code, out } = await kvts(["completion"]);
  expect(code).toBe(0);
  expect(out).toContain("kvts");
});
