import type { Writable } from "node:stream";

/** Takes bytes, and resolves once there is room for more. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** The reader of the output has gone, as `| head` does. Nobody is left to tell, so it is no failure. */
export class OutputClosed extends Error {
  override readonly name: string = "OutputClosed";
}

/** A sink into a stream of this process. */
function streamSink(stream: Writable): Sink {
  // Failed writes are told through their callbacks; without a listener the event would end the process.
  if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  return (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(isBrokenPipe(error) ? new OutputClosed() : error);
      });
    });
}

export const stdoutSink: Sink = (bytes) => streamSink(process.stdout)(bytes);

/** Writes text to stdout, all of it. */
export function print(text: string): Promise<void> {
  return stdoutSink(Buffer.from(text));
}

function isBrokenPipe(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}
