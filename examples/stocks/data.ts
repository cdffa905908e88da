import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";

/** The files of vega-datasets. */
export const dataFolder: URL = new URL("../data/", import.meta.resolve("vega-datasets"));

/** Monthly prices of five companies from 2000 to 2010: symbol, date such as `Jan 1 2000`, price. */
export const stocksFile = "stocks.csv";

/** A price as the file has it, and the moment from which it holds. */
export interface Price {
  readonly symbol: string;
  readonly date: Date;
  readonly price: string;
}

/** The prices, read without kvts, to check its answers against. */
export async function readPrices(): Promise<Price[]> {
  const rows = parse(await readFile(new URL(stocksFile, dataFolder)), { columns: true }) as {
    symbol: string;
    date: string;
    price: string;
  }[];
  return rows.map(({ symbol, date, price }) => ({ symbol, date: new Date(`${date} UTC`), price }));
}

/** A flight: how late it was in minutes, how far it went in miles, and the hour of the day, such as 13.25. */
interface FlightRow {
  readonly delay: number;
  readonly distance: number;
  readonly time: number;
}

/** A flight as a version: the key is its distance, the value its delay. */
export interface Flight {
  readonly key: string;
  /** Microseconds. */
  readonly timestamp: number;
  readonly value: string;
}

/** The file tells the minute of the day, not the day. */
const someDay = Date.UTC(2001, 0, 1) * 1000;
const minute = 60_000_000;

/** 200,000 flights in the order of the day, those of one minute a microsecond apart. */
export async function readFlights(): Promise<Flight[]> {
  const rows = JSON.parse(await readFile(new URL("flights-200k.json", dataFolder), "utf8")) as FlightRow[];
  let last = 0;
  return rows.map(({ delay, distance, time }) => {
    last = Math.max(last + 1, someDay + Math.round(time * 60) * minute);
    return { key: `distance/${distance}`, timestamp: last, value: String(delay) };
  });
}
