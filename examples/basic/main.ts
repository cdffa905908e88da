import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@kvts/client";
import { open } from "@kvts/db";
import { serve } from "@kvts/server";

// A server, with its store in a directory of its own. Usually it is another process: `kvts server`.
const directory = await mkdtemp(join(tmpdir(), "kvts-basic-"));
const store = await open(directory);
const server = await serve(store, { port: 0, httpPort: 0 });
const db = connect(server.grpcUrl);

// Write. A value holds from its timestamp on; without one, from now on.
await db.put("user:1", "alice", { timestamp: new Date("2023-01-10T09:00:00Z") });
await db.put("user:1", "alice cooper", { timestamp: new Date("2023-03-01T09:00:00Z") });
await db.put("user:2", "bob", { timestamp: new Date("2023-02-01T09:00:00Z") });
const { seq } = await db.put("user:3", JSON.stringify({ name: "carol", age: 41 }));
console.log(`carol is stored, seq ${seq}`);

// Read the newest value, and what it was on a day in the past.
const today = await db.get("user:1");
const inFebruary = await db.get("user:1", { asOf: new Date("2023-02-14") });
const in2022 = await db.get("user:1", { asOf: new Date("2022-12-31") });
console.log(
  `user:1 is ${today?.text()}, was ${inFebruary?.text()} in February and ${in2022?.text() ?? "nobody"} in 2022`,
);
console.log(`carol is ${(await db.get("user:3"))?.json<{ age: number }>().age}`);

// Scan keys in their order, as of a moment too.
for await (const { key, value } of db.scan({ prefix: "user:" }, { asOf: new Date("2023-02-14") })) {
  console.log(`on 14 February ${key} was ${Buffer.from(value)}`);
}

// Delete. The key holds nothing any more, its history stays.
await db.delete("user:1");
console.log(`user:1 is ${(await db.get("user:1"))?.text() ?? "gone"}`);
for await (const version of db.history("user:1", { reverse: true })) {
  const day = new Date(version.timestamp / 1000).toISOString().slice(0, 10);
  console.log(version.deleted ? "user:1 was deleted today" : `user:1 became ${version.text()} on ${day}`);
}

await db.close();
await server.close();
await store.close();
await rm(directory, { recursive: true });
