import type { Exchanges } from "./exchanges.ts";
import type { StoredEvent, Watched } from "./service/watching.ts";

/**
 * The events of a watch, until its caller leaves it or the server begins to close, which a watch must not hold up.
 * @throws UNAVAILABLE then: another watch may go on from the last seq
 */
export async function* untilClosed(watched: Watched, exchanges: Exchanges): AsyncGenerator<StoredEvent> {
  const off = exchanges.onPhase(() => {
    if (exchanges.phase === "closing") void watched.close();
  });
  try {
    yield* watched;
    exchanges.checkOpen();
  } finally {
    off();
    await watched.close();
  }
}
