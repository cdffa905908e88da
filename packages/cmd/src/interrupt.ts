/** Fires at the first SIGINT or SIGTERM; at the second the process ends at once. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** Exit code of a process that was told twice to stop, as shells give it for SIGINT. */
const stoppedExitCode = 130;

/** From now until it is disposed of, Ctrl-C asks the running command to stop instead of ending the process. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(stoppedExitCode);
    controller.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    },
  };
}
