import { type CallOptions, type Entries, isKvtsError } from "@kvts/common";
import { failed } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { LineWriter } from "./line-writer.ts";
import { countOf } from "./notes.ts";
import { stdoutSink } from "./sink.ts";

/** How many items are asked for at a time. */
const itemsAtATime = 256;

/**
 * Prints a list as it is read, one line an item, and stops cleanly at Ctrl-C.
 * @param list opens the list; `signal` is that of Ctrl-C
 */
export async function printList<T>(
  list: (options: CallOptions) => Entries<T>,
  lineOf: (item: T) => string,
): Promise<void> {
  using interrupt = listenForInterrupt();
  await using items = list({ signal: interrupt.signal });
  const writer = new LineWriter(stdoutSink);
  let printed = 0;
  try {
    for (;;) {
      const batch = await items.nextv(itemsAtATime);
      if (batch.length === 0) break;
      for (const item of batch) {
        const wait = writer.line(lineOf(item));
        if (wait !== undefined) await wait;
      }
      printed += batch.length;
    }
  } catch (error) {
    await writer.flush();
    if (!isKvtsError(error, "CANCELLED")) throw error;
    throw failed(`stopped after ${countOf(printed, "line")}`);
  }
  await writer.flush();
}
