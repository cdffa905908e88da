import type { Logger } from "@kvts/common";
import type { Server, TlsOptions } from "@kvts/server";
import { readTls } from "./read-tls.ts";
import type { ServerSettings } from "./settings.ts";

/** How often the files are read again. */
const intervalMs = 60_000;

/**
 * Has the server use new certificates once their files have changed: at SIGHUP at once, otherwise within a minute. What
 * cannot be used, such as a certificate whose key has not been written yet, is logged, and the old ones stay.
 * @param used what the server was started with
 */
export function followTls(settings: ServerSettings, used: TlsOptions, server: Server, logger: Logger): Disposable {
  let last = used;
  let turn: Promise<void> = Promise.resolve();
  const look = (): void => {
    turn = turn.then(async () => {
      try {
        const found = await readTls(settings);
        if (found === undefined || areSame(found, last)) return;
        // What is broken is told once, not every minute.
        last = found;
        server.renewTls(found);
        logger.info({}, "the certificates have been renewed");
      } catch (error) {
        logger.error({ err: error }, "the new certificates cannot be used; the old ones stay in use");
      }
    });
  };
  const timer = setInterval(look, intervalMs).unref();
  process.on("SIGHUP", look);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      process.off("SIGHUP", look);
    },
  };
}

function areSame(one: TlsOptions, other: TlsOptions): boolean {
  return one.cert === other.cert && one.key === other.key && one.clientCa === other.clientCa;
}
