import type { BackupEnd, StreamBackupResponse } from "@kvts/api";
import type { CallOptions } from "@kvts/common";
import { failed } from "../failure.ts";
import type { ServerTarget } from "../options/target.ts";
import { createDirectory, type NewDirectory } from "../output/new-directory.ts";
import { askAdmin } from "./ask-admin.ts";

/** A backup that is whole, and on disk. */
export interface ReceivedBackup {
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  /** The last seq in it. */
  readonly seq: number;
  /** Of the copy: a new one. */
  readonly incarnation: string;
}

export interface ReceiveOptions extends CallOptions {
  /** Called as bytes come. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Has a server send its store as it is now, and puts it into `directory`, which is empty or still to be made.
 * @throws CommandError, KvtsError; nothing is left in the directory then
 */
export async function receiveBackup(
  target: ServerTarget,
  directory: string,
  { onProgress, ...call }: ReceiveOptions,
): Promise<ReceivedBackup> {
  await using written = await createDirectory(directory);
  const receive = (parts: AsyncIterable<StreamBackupResponse>) => receiveParts(parts, written, onProgress);
  const counts = await askAdmin(target, (admin, options) => receive(admin.streamBackup({}, options)), call);
  await written.keep();
  return { directory, ...counts };
}

async function receiveParts(
  parts: AsyncIterable<StreamBackupResponse>,
  written: NewDirectory,
  onProgress: (bytes: number) => void,
): Promise<Omit<ReceivedBackup, "directory">> {
  let [files, bytes] = [0, 0];
  let end: BackupEnd | undefined;
  // To the end of the stream, whatever comes last: over HTTP/1.1 one that is left stays open.
  for await (const { part } of parts) {
    if (part.case === "file") {
      files++;
      await written.begin(part.value.name, Number(part.value.bytes));
    } else if (part.case === "data") {
      bytes += part.value.length;
      await written.write(part.value);
      onProgress(bytes);
    } else if (part.case === "end") {
      end = part.value;
    }
  }
  if (end !== undefined && end.files === BigInt(files) && end.bytes === BigInt(bytes)) {
    return { files, bytes, seq: Number(end.seq), incarnation: end.incarnation };
  }
  throw failed("the backup ended before it was whole; nothing of it is kept, so try again");
}
