import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { failed } from "../failure.ts";
import { userPath } from "../paths.ts";

/** What is to be read, from a file or from stdin. */
export interface InputFile {
  /** As messages call it. */
  readonly name: string;
  /** `undefined` where it cannot be known. */
  readonly bytes: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const chunkBytes = 256 * 1024;

/**
 * Opens a file, or stdin for `-`. Its chunks end early when `signal` fires, even while nothing arrives.
 * @param onRead told how many bytes have been read so far
 */
export async function openInput(
  path: string,
  signal: AbortSignal,
  onRead: (bytes: number) => void,
): Promise<InputFile> {
  if (path === "-") return { name: "stdin", bytes: undefined, chunks: readChunks(process.stdin, signal, onRead) };
  const file = userPath(path);
  const handle = await open(file);
  const stats = await handle.stat();
  if (stats.isDirectory()) {
    await handle.close();
    throw failed(`${path} is a directory; name a file`);
  }
  const stream = createReadStream(file, { fd: handle, highWaterMark: chunkBytes });
  return { name: path, bytes: stats.isFile() ? stats.size : undefined, chunks: readChunks(stream, signal, onRead) };
}

async function* readChunks(
  stream: Readable,
  signal: AbortSignal,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const stop = (): void => {
    stream.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  let read = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      read += chunk.length;
      onRead(read);
      yield chunk;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
