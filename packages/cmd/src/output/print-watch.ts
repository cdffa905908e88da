import { type CallOptions, type Entries, isKvtsError, type WatchEvent } from "@kvts/common";
import { listenForInterrupt } from "../interrupt.ts";
import { LineWriter } from "./line-writer.ts";
import { stdoutSink } from "./sink.ts";

/** How many events are taken at a time, at most: what is there already. */
const eventsAtATime = 1;

/**
 * Prints events as they come, until Ctrl-C, which is how a watch is meant to end.
 * @param watch opens it; `signal` is that of Ctrl-C
 */
export async function printWatch(
  watch: (options: CallOptions) => Entries<WatchEvent<Uint8Array>>,
  linesOf: (event: WatchEvent<Uint8Array>) => readonly string[],
): Promise<void> {
  using interrupt = listenForInterrupt();
  await using events = watch({ signal: interrupt.signal });
  const writer = new LineWriter(stdoutSink);
  try {
    for (;;) {
      const [event] = await events.nextv(eventsAtATime);
      if (event === undefined) return;
      for (const line of linesOf(event)) {
        const wait = writer.line(line);
        if (wait !== undefined) await wait;
      }
      // Somebody may be looking: an event is not kept back until there are more.
      await writer.flush();
    }
  } catch (error) {
    await writer.flush();
    if (!isKvtsError(error, "CANCELLED")) throw error;
  }
}
