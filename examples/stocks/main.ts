import { strict as assert } from "node:assert";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@kvts/client";
import { type Flight, readFlights, readPrices, stocksFile } from "./data.ts";
import { kvts, startServer } from "./kvts.ts";

const directory = await mkdtemp(join(tmpdir(), "kvts-stocks-"));
const server = await startServer(join(directory, "data"));
const url = ["--url", server.grpcUrl];
try {
  await importPrices();
  await askForPrices();
  await checkPrices();
  await importFlights();
} finally {
  await server.stop();
  await rm(directory, { recursive: true });
}

/** A row of the file is a version of the key `stock/MSFT`, from its date on. */
async function importPrices(): Promise<void> {
  const columns = ["--key-template", "stock/{symbol}", "--value-column", "price"];
  const time = ["--timestamp-column", "date", "--timestamp-format", "MMM D YYYY"];
  console.log(await kvts(["import", stocksFile, ...columns, ...time, ...url]));
}

/** On the 15th the price of the 1st holds, as no other has come since. */
async function askForPrices(): Promise<void> {
  for (const day of ["2005-03-15", "2009-02-28", "1999-12-31"]) {
    const answer = await kvts(["get", "stock/MSFT", "--at", `${day}T00:00:00Z`, ...url]);
    console.log(`What did MSFT cost on ${day}? ${answer ?? "nothing was known yet"}`);
  }
}

/** Asks for every price on its day, the moment before, and two weeks later; the file itself says what is right. */
async function checkPrices(): Promise<void> {
  await using db = connect(server.grpcUrl);
  const prices = await readPrices();
  const priceAt = (symbol: string, at: Date): string | undefined =>
    prices.filter((price) => price.symbol === symbol && price.date <= at).at(-1)?.price;
  let checked = 0;
  for (const { symbol, date } of prices) {
    for (const offset of [-1, 0, 14 * 24 * 3_600_000]) {
      const asOf = new Date(date.getTime() + offset);
      const found = await db.get(`stock/${symbol}`, { asOf });
      assert.equal(found?.text(), priceAt(symbol, asOf), `${symbol} at ${asOf.toISOString()}`);
      checked++;
    }
  }
  console.log(`${checked} as-of reads agree with the file`);
}

/** The flights of a day, as NDJSON through a pipe; then the last delay before noon of every distance. */
async function importFlights(): Promise<void> {
  const flights = await readFlights();
  const lines = function* (): Generator<string> {
    for (const flight of flights) yield `${JSON.stringify(flight)}\n`;
  };
  console.log(await kvts(["import", "-", ...url], lines()));
  const noon = new Date("2001-01-01T12:00:00Z");
  const lastBefore = new Map(flights.filter(({ timestamp }) => timestamp <= noon.getTime() * 1000).map(byKey));
  await using db = connect(server.grpcUrl);
  for await (const { key, value } of db.scan({ prefix: "distance/" }, { asOf: noon })) {
    assert.equal(Buffer.from(value).toString(), lastBefore.get(key), `${key} at noon`);
    lastBefore.delete(key);
  }
  assert.deepEqual([...lastBefore.keys()], [], "every distance that was flown before noon is found");
  console.log("the last delay before noon is right for every distance");
}

function byKey({ key, value }: Flight): readonly [string, string] {
  return [key, value];
}
