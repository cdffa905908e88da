import { Readable, Writable } from "node:stream";
import { runProgram } from "../run-program.ts";
import type { Ran, RunOptions } from "./kvts.ts";

/** Runs that wait for each other: a process has one stdin, one stdout and one stderr. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Runs the program in this process, for what is not about processes: the same arguments, bytes and exit codes, in a
 * tenth of the time. Warnings of the process are not noted.
 */
export function kvtsHere(args: readonly string[], { input = "" }: Pick<RunOptions, "input"> = {}): Promise<Ran> {
  const ran = turn.then(() => runNow(args, Buffer.from(input)));
  turn = ran.catch(() => {});
  return ran;
}

async function runNow(args: readonly string[], input: Buffer): Promise<Ran> {
  const [stdout, stderr] = [new Gathered(), new Gathered()];
  const stdin = Readable.from(input.length === 0 ? [] : [input], { objectMode: false });
  using _streams = inPlaceOf({ stdin, stdout, stderr });
  const code = await runProgram(args);
  const { bytes } = stdout;
  return { code, bytes, out: bytes.toString(), err: stderr.bytes.toString() };
}

/** What was written to a stream. */
class Gathered extends Writable {
  readonly #parts: Buffer[] = [];

  override _write(part: Buffer, _: BufferEncoding, done: () => void): void {
    this.#parts.push(part);
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Has `process` show other streams until it is disposed of. */
function inPlaceOf(streams: Readonly<Record<"stdin" | "stdout" | "stderr", Readable | Writable>>): Disposable {
  const names = Object.keys(streams) as (keyof typeof streams)[];
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(process, name)!] as const);
  for (const name of names) Object.defineProperty(process, name, { value: streams[name], configurable: true });
  return {
    [Symbol.dispose]() {
      for (const [name, descriptor] of before) Object.defineProperty(process, name, descriptor);
    },
  };
}
