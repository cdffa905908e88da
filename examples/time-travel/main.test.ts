import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const readme = new URL("../../README.md", import.meta.url);

const story = `
The price history of five companies
───────────────────────────────────
  560 prices, all or nothing; the last of them has seq 560

What did they cost on 15 February?
──────────────────────────────────
  stock/AAPL            204.62  since 2010-02-01
  stock/AMZN             118.4  since 2010-02-01
  stock/GOOG             562.8  since 2010-02-01
  stock/IBM             127.16  since 2010-02-01
  stock/MSFT             28.67  since 2010-02-01

The digits of one price had changed places: it is corrected, in February
────────────────────────────────────────────────────────────────────────
  watch, seq 561:  stock/GOOG = 526.8 from 2010-02-01 on
  in February Google cost 526.8
  in February Google cost 562.8, says a snapshot of before

From January to February: as it was reported, and as it is known now
────────────────────────────────────────────────────────────────────
                       January          reported         known now
  stock/AAPL            192.06            204.62            204.62
  stock/AMZN            125.41             118.4             118.4
  stock/GOOG            529.94             562.8             526.8
  stock/IBM             121.85            127.16            127.16
  stock/MSFT             28.05             28.67             28.67

A batch goes wrong: March again, dated April, and in cents
──────────────────────────────────────────────────────────
  watch, seq 566:  stock/AAPL = 22302 from 2010-04-01 on
                   stock/AMZN = 12882 from 2010-04-01 on
                   stock/GOOG = 56019 from 2010-04-01 on
                   stock/IBM = 12555 from 2010-04-01 on
                   stock/MSFT = 2880 from 2010-04-01 on

What would it take to go back to the end of March?
──────────────────────────────────────────────────
  5 values to restore, 0 keys to delete
  stock/AAPL             22302                 →            223.02
  stock/AMZN             12882                 →            128.82
  stock/GOOG             56019                 →            560.19
  stock/IBM              12555                 →            125.55
  stock/MSFT              2880                 →              28.8

Then back
─────────
  watch, seq 571:  stock/AAPL = 223.02 from today on
                   stock/AMZN = 128.82 from today on
                   stock/GOOG = 560.19 from today on
                   stock/IBM = 125.55 from today on
                   stock/MSFT = 28.8 from today on

  The history keeps the mistake, and what undid it:
  today                 560.19
  2010-04-01             56019
  2010-03-01            560.19
  2010-02-01             526.8
  2010-01-01            529.94

Ten years, a bar for every 90 days
──────────────────────────────────
  stock/AAPL  ▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▂▂▂▃▃▃▃▄▄▅▆▇▅▇▆▄▄▅▇██  7.07 … 223.02
  stock/AMZN  ▄▄▃▃▂▁▁▁▁▁▂▂▂▂▃▃▄▃▄▃▃▃▃▃▃▃▃▂▃▃▄▅▆▅▅▅▃▄▅▆██  5.97 … 135.91
  stock/GOOG                     ▁▂▂▃▃▄▄▄▄▅▅▆▆█▆▆▅▃▄▅▅▇▆  102.37 … 707
  stock/IBM   ▅▅▅▅▄▄▅▄▆▄▁▁▂▂▂▃▄▃▃▃▄▃▂▂▃▂▂▂▄▄▅▆▆▆▇▇▃▄▅▇██  53.01 … 130.32
  stock/MSFT  █▇▅▄▃▃▄▃▄▃▂▂▂▂▂▃▃▂▃▃▃▃▃▃▃▄▃▃▄▄▅▄▆▄▄▄▂▁▂▃▅▅  15.81 … 43.22

What would go, if history were kept from mid-2005 on?
─────────────────────────────────────────────────────
  270 versions, 3949 bytes; current values always stay
`;

test("tells the story, and the readme what it tells", { timeout: 60_000 }, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main]);
  expect(stderr).toBe("");
  expect(stdout).toBe(story);

  const shown = /example:time-travel` prints, among other things:\n\n```text\n(.*?)```/s.exec(
    await readFile(readme, "utf8"),
  );
  expect(story).toContain(shown?.[1]);
});
