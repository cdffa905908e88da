import { createInterface } from "node:readline/promises";
import { failed, usageError } from "./failure.ts";

/**
 * Goes on where the person at the terminal says so.
 * @param flag what says it in a script
 * @throws CommandError where nobody can be asked, or the answer is another one
 */
export async function confirm(what: string, flag: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw usageError(`${what}; add ${flag} where that is meant`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`kvts: ${what}; type yes to go on: `);
    if (answer.trim().toLowerCase() !== "yes") throw failed("not confirmed; nothing was done");
  } finally {
    asking.close();
  }
}
