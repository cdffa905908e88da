import { limits, shown, textOf } from "@kvts/common";
import type { BadLine, ImportItem } from "./item.ts";
import { type Line, readLines } from "./lines.ts";
import { itemFromVersion } from "./parsed-operation.ts";

/** A version at its limits in JSON: every byte as six characters (`\u0000`), and room for the other fields. */
export const lineBytesMax: number = 6 * (limits.valueBytesMax + limits.keyBytesMax) + 64 * 1024;

export interface NdjsonOptions {
  /** Accepts a file of ours that has no end line. */
  readonly partial: boolean;
}

/**
 * Reads NDJSON: a version object a line. What `kvts export` wrote ends with an end line that counts the versions, and
 * where that is missing the file was cut short. Files made by others need none; ours are known by the `seq` of their
 * versions.
 */
export async function* readNdjson(
  chunks: AsyncIterable<Uint8Array>,
  options: NdjsonOptions,
): AsyncGenerator<ImportItem[]> {
  const file = new NdjsonFile(options);
  for await (const lines of readLines(chunks, lineBytesMax)) {
    yield lines.flatMap((line) => file.itemsOf(line));
  }
  yield file.itemsAtEnd();
}

class NdjsonFile {
  readonly #options: NdjsonOptions;
  #line = 0;
  /** Version lines, good or bad, since the last end line. */
  #versions = 0;
  /** Whether one of them had a seq. */
  #exported = false;
  /** Whether the flaw of the last line already says that the file was cut short. */
  #halfLine = false;

  constructor(options: NdjsonOptions) {
    this.#options = options;
  }

  itemsOf(line: Line): ImportItem[] {
    this.#line = line.number;
    if (line.bytes === undefined) return [this.#bad("TOO_LARGE", `is longer than any version can be`)];
    const text = textOf(line.bytes);
    if (text === undefined) return [this.#bad("INVALID_ARGUMENT", "is not UTF-8")];
    if (text.trim() === "") return [];
    try {
      return this.#itemsOfJson(JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#halfLine = !line.ended;
      return [this.#bad("INVALID_ARGUMENT", line.ended ? "is not JSON" : "breaks off: the file was cut short here")];
    }
  }

  itemsAtEnd(): ImportItem[] {
    if (!this.#exported || this.#options.partial || this.#halfLine) return [];
    const reason =
      "the file has no end line, so its export was cut short and versions may be missing; export again, or pass --partial if it is meant to be a part";
    return [{ line: this.#line, code: "TRUNCATED", reason }];
  }

  #itemsOfJson(json: unknown): ImportItem[] {
    if (isObject(json)) {
      if ("end" in json) return this.#itemsOfEnd(json.end);
      if ("error" in json) return this.#itemsOfError(json.error);
      if ("seq" in json) this.#exported = true;
    }
    this.#versions++;
    return [itemFromVersion(this.#line, json)];
  }

  /** `{"end": {"versions": 3}}` closes what came before it; another export may follow. */
  #itemsOfEnd(end: unknown): ImportItem[] {
    const announced = isObject(end) ? end.versions : undefined;
    const found = this.#versions;
    this.#versions = 0;
    this.#exported = false;
    if (announced === undefined || announced === found) return [];
    const reason = `the end line counts ${shown(announced)} versions, but there are ${found}: lines were lost or added`;
    return [{ line: this.#line, code: "TRUNCATED", reason }];
  }

  /** `{"error": …}` is what an export that failed half way wrote last. */
  #itemsOfError(error: unknown): ImportItem[] {
    const message = isObject(error) ? error.message : error;
    this.#exported = false;
    return [
      {
        line: this.#line,
        code: "TRUNCATED",
        reason: `the export failed here: ${typeof message === "string" ? message : shown(message)}`,
      },
    ];
  }

  #bad(code: string, reason: string): BadLine {
    this.#versions++;
    return { line: this.#line, code, reason };
  }
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
