import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { formatSize, KvtsError, limits, utf8 } from "@kvts/common";
import { failed, usageError } from "../failure.ts";
import { userPath } from "../paths.ts";

/**
 * The bytes of the value that was given: as an argument, as `-` for stdin, or as a file.
 * @throws CommandError unless it was given in exactly one way
 * @throws TOO_LARGE as soon as more has been read than a value may hold
 */
export async function readValue(argument: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if ((argument === undefined) === (file === undefined)) {
    throw usageError("a value is given once: as VALUE, as - to read it from stdin, or with --file");
  }
  if (file !== undefined) return await readFile(file);
  return argument === "-" ? await readAll(process.stdin) : utf8(argument!);
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await readAll(createReadStream(userPath(path)));
  } catch (error) {
    // The system does not say what it was that it could not read.
    if (error instanceof Error && "code" in error && error.code === "EISDIR")
      throw failed(`${path} is a directory; name a file`);
    throw error;
  }
}

async function readAll(stream: Readable): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream as AsyncIterable<Uint8Array>) {
    parts.push(part);
    length += part.length;
    if (length > limits.valueBytesMax) throw tooLarge();
  }
  return Buffer.concat(parts, length);
}

function tooLarge(): KvtsError {
  return new KvtsError("TOO_LARGE", `a value has at most ${formatSize(limits.valueBytesMax)}; this one has more`, {
    details: { limit: limits.valueBytesMax },
  });
}
