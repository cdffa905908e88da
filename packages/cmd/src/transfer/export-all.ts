import type { Key, Version } from "@kvts/common";
import type { CommandError } from "../failure.ts";
import { LineWriter } from "../output/line-writer.ts";
import { OutputClosed, type Sink } from "../output/sink.ts";
import type { VersionFormat } from "./version-format.ts";

/** Who wants to know about an export. */
export interface ExportListener {
  /** Told how many versions have been written so far. */
  onProgress(versions: number): void;
  /** What is to be said about a failure after so many versions. */
  explain(error: unknown, versions: number): CommandError;
}

/**
 * Writes versions in a format, its end included, and waits where the sink is slow.
 * @returns how many there were
 * @throws what `explain` returned, after saying so in the output where the format can
 */
export async function exportAll(
  versions: AsyncIterable<readonly Version<Key>[]>,
  format: VersionFormat,
  sink: Sink,
  { onProgress, explain }: ExportListener,
): Promise<number> {
  const writer = new LineWriter(sink);
  let written = 0;
  try {
    await writeLines(writer, format.head);
    for await (const piece of versions) {
      await writeLines(writer, piece.map(format.line));
      written += piece.length;
      onProgress(written);
    }
    await writeLines(writer, format.tail(written));
  } catch (error) {
    if (error instanceof OutputClosed) throw error;
    const failure = explain(error, written);
    await writeLines(writer, format.broken(failure.code, failure.message));
    await writer.flush();
    throw failure;
  }
  await writer.flush();
  return written;
}

async function writeLines(writer: LineWriter, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const wait = writer.line(line);
    if (wait !== undefined) await wait;
  }
}
