import { createInterface } from "node:readline";
import { open } from "@kvts/db";
import { type Checked, checkRecent } from "./check.ts";
import type { Ledger } from "./ledger.ts";
import { loadAndCheck } from "./load.ts";

/**
 * A program with an embedded store, for a soak: it checks what it finds, and then writes and reads until its standard
 * input says `stop`, or a signal ends it. Each line that it writes is an event in JSON.
 */
export type EmbeddedEvent =
  | ({ readonly event: "checked"; readonly ledger: Ledger } & Checked)
  | { readonly event: "began" | "acknowledged"; readonly writer: number }
  | { readonly event: "failed"; readonly message: string }
  | { readonly event: "closed" };

export interface EmbeddedTask {
  readonly directory: string;
  readonly memtableBytes: number;
  readonly ledger: Ledger;
}

async function main({ directory, memtableBytes, ledger }: EmbeddedTask): Promise<void> {
  const db = await open(directory, { memtableBytes });
  tell({ event: "checked", ledger, ...(await checkRecent(db, ledger)) });
  const stop = new AbortController();
  createInterface({ input: process.stdin }).once("line", () => stop.abort());
  const host = {
    store: db,
    signal: stop.signal,
    began: (writer: number) => tell({ event: "began", writer }),
    acknowledged: (writer: number) => {
      ledger.states[writer]!.written++;
      tell({ event: "acknowledged", writer });
    },
  };
  await loadAndCheck(host, ledger, (checked) => tell({ event: "checked", ledger, ...checked }));
  await db.close();
  tell({ event: "closed" });
}

function tell(event: EmbeddedEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

try {
  await main(JSON.parse(process.argv[2]!) as EmbeddedTask);
} catch (error) {
  tell({ event: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exitCode = 1;
}
