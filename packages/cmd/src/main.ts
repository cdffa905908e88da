#!/usr/bin/env node
import { runCommandLine } from "./cli.ts";
import { describeFailure, failed } from "./failure.ts";
import { note } from "./output/notes.ts";
import { OutputClosed } from "./output/sink.ts";
import { noteWarnings } from "./output/warnings.ts";
import { isSupportedNode } from "./version.ts";

/** Tells a failure on stderr, and sets the exit code. The process ends by itself once nothing is open any more. */
function report(error: unknown, json: boolean): void {
  if (error instanceof OutputClosed) return;
  const { exitCode, code, message, details } = describeFailure(error);
  process.exitCode = exitCode;
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  else note(message);
  if (process.env.KVTS_DEBUG === "1") console.error(error);
}

noteWarnings();
const argv = process.argv.slice(2);
try {
  if (!isSupportedNode(process.version)) {
    throw failed(`Node 22.15 or newer is needed, and this is ${process.version}; install a newer one`);
  }
  await runCommandLine(argv);
} catch (error) {
  const separator = argv.indexOf("--");
  report(error, argv.slice(0, separator === -1 ? undefined : separator).includes("--json"));
}
