// Opens a store, lets its worker write a table, and reads the value back after a restart.
import { open } from "@kvts/db";

const directory = process.argv[2];

const writing = await open(directory);
await writing.put("key", "old", { timestamp: 100 });
await writing.put("key", "new", { timestamp: 101 });
await writing.flush();
await writing.close();

const reading = await open(directory);
const answers = await Promise.all(
  [99, 100, 101].map(async (asOf) => (await reading.get("key", { asOf }))?.text() ?? null),
);
await reading.close();
console.log(JSON.stringify(answers));
