import type { Logger, Warn } from "@kvts/common";

/** Passes on the first warning alone: clients decide how often they make the mistake. */
export function warnOnce(logger: Logger): Warn {
  let warned = false;
  return (message) => {
    if (!warned) logger.warn({}, message);
    warned = true;
  };
}
