/** Exit code when a second signal ends the process at once. */
const atOnceExitCode = 130;

/**
 * Resolves at the first SIGINT or SIGTERM, with its name; a second one ends the process at once.
 */
export function nextStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(atOnceExitCode);
      asked = true;
      resolve(signal);
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  });
}
