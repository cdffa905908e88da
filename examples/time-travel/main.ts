import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Db, type Entries, type Operation, open, type WatchEvent } from "@kvts/db";
import { type Price, readPrices } from "@kvts/example-stocks/data.ts";
import { chapter, day, describe, row, sparkline } from "./print.ts";

/*
 * It is March 2010. A price turns out to be wrong and is corrected where it belongs, in February; a whole batch goes
 * wrong and is taken back; and somebody watches.
 */

const stocks = { prefix: "stock/" };
const google = "stock/GOOG";
const inJanuary = "2010-01-15T00:00:00Z";
const inFebruary = "2010-02-15T00:00:00Z";
const endOfMarch = "2010-03-31T00:00:00Z";

const directory = await mkdtemp(join(tmpdir(), "kvts-time-travel-"));
try {
  await using db = await open(directory);
  await load(db, await readPrices());
  await asOfLastMonth(db);
  await using report = db.snapshot(); // what the report of today was made from
  await using changes = db.watch(stocks, { afterSeq: report.seq });
  await correct(db, report, changes);
  await compare(db, report);
  await takeBack(db, changes);
  await plot(db);
  await previewRetention(db);
} finally {
  await rm(directory, { recursive: true });
}

/** A price holds from its date on, so each is a version of its company's key. One is typed in with a slip. */
async function load(db: Db, prices: readonly Price[]): Promise<void> {
  chapter("The price history of five companies");
  const typed = ({ price }: Price): string => (price === "526.8" ? "562.8" : price);
  const operations = prices.map((price): Operation => {
    return { op: "put", key: `stock/${price.symbol}`, value: typed(price), timestamp: price.date };
  });
  const { seq } = await db.write(operations);
  console.log(`  ${operations.length} prices, all or nothing; the last of them has seq ${seq}`);
}

/** Nothing was written on the 15th: the price of the 1st holds until there is another. */
async function asOfLastMonth(db: Db): Promise<void> {
  chapter("What did they cost on 15 February?");
  for await (const entry of db.at(inFebruary).scan(stocks))
    row(entry.key, entry.text(), `since ${day(entry.timestamp)}`);
}

/** The write goes to February. Whoever asks for February from now on gets it; the snapshot stays what it was. */
async function correct(db: Db, report: Pick<Db, "get">, changes: Entries<WatchEvent>): Promise<void> {
  chapter("The digits of one price had changed places: it is corrected, in February");
  await db.put(google, "526.8", { timestamp: "2010-02-01T00:00:00Z" });
  await tell(changes);
  const asOf = inFebruary;
  console.log(`  in February Google cost ${(await db.get(google, { asOf }))?.text()}`);
  console.log(`  in February Google cost ${(await report.get(google, { asOf }))?.text()}, says a snapshot of before`);
}

/** The two axes at once: from one moment to another, as it is known now and as it was known then. */
async function compare(db: Db, report: Pick<Db, "diff">): Promise<void> {
  chapter("From January to February: as it was reported, and as it is known now");
  const moments = { from: inJanuary, to: inFebruary };
  const known = await db.diff(stocks, moments).toArray();
  const reported = await report.diff(stocks, moments).toArray();
  row("", "January", "reported", "known now");
  for (const [at, { key, before, after }] of known.entries()) {
    row(key, before?.text(), reported[at]?.after?.text(), after?.text());
  }
}

/** March's prices come in again, dated April, and in cents. They can be taken back without knowing what was in them. */
async function takeBack(db: Db, changes: Entries<WatchEvent>): Promise<void> {
  chapter("A batch goes wrong: March again, dated April, and in cents");
  const march = await db.scan(stocks).toArray();
  await db.write(
    march.map((entry): Operation => {
      const cents = Math.round(Number(entry.text()) * 100);
      return { op: "put", key: entry.key, value: String(cents), timestamp: "2010-04-01T00:00:00Z" };
    }),
  );
  await tell(changes);

  chapter("What would it take to go back to the end of March?");
  const { restored, deleted, sample } = await db.restore(stocks, endOfMarch, { dryRun: true });
  console.log(`  ${restored} values to restore, ${deleted} keys to delete`);
  for (const { key, before, after } of sample ?? []) row(key, before?.text(), "→", after?.text());

  chapter("Then back");
  await db.restore(stocks, endOfMarch);
  await tell(changes);
  console.log("\n  The history keeps the mistake, and what undid it:");
  for await (const version of db.history(google, { limit: 5 })) {
    row(day(version.timestamp), version.deleted ? "deleted" : version.text());
  }
}

/** Numbers by steps of time, reckoned where the data is. */
async function plot(db: Db): Promise<void> {
  chapter("Ten years, a bar for every 90 days");
  for await (const { key } of db.scan(stocks)) {
    const buckets = await db.aggregate(key, { step: "90d", to: endOfMarch }).toArray();
    const line = sparkline(buckets.map(({ mean }) => mean));
    const least = Math.min(...buckets.map(({ min }) => min));
    const greatest = Math.max(...buckets.map(({ max }) => max));
    console.log(`  ${key.padEnd(10)}  ${line.padStart(42)}  ${least} … ${greatest}`);
  }
}

/** History is kept for ever, unless a policy says otherwise; what one would cost is told before it is set. */
async function previewRetention(db: Db): Promise<void> {
  chapter("What would go, if history were kept from mid-2005 on?");
  const keepFor = (Date.now() - Date.UTC(2005, 5, 15)) * 1000;
  const { trimmed } = await db.setRetention("stock/", keepFor, { dryRun: true });
  console.log(`  ${trimmed?.versions} versions, ${trimmed?.bytes} bytes; current values always stay`);
}

/** Prints the next batch that the watch yields. */
async function tell(changes: Entries<WatchEvent>): Promise<void> {
  for (const { seq, items } of await changes.nextv(1)) {
    for (const [at, item] of items.entries())
      console.log(`  ${at === 0 ? `watch, seq ${seq}:` : ""}`.padEnd(18), describe(item));
  }
}
