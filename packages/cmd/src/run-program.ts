import { runCommandLine } from "./cli.ts";
import { describeFailure, type ExitCode, exitCodes, failed } from "./failure.ts";
import { note } from "./output/notes.ts";
import { OutputClosed } from "./output/sink.ts";
import { isSupportedNode } from "./version.ts";

/**
 * Runs the command that `argv` names, and tells on stderr how it failed where it does. Returns the exit code.
 * @param argv without the runtime and the script
 */
export async function runProgram(argv: readonly string[]): Promise<ExitCode> {
  try {
    if (!isSupportedNode(process.version)) {
      throw failed(`Node 22.15 or newer is needed, and this is ${process.version}; install a newer one`);
    }
    await runCommandLine(argv);
    return exitCodes.ok;
  } catch (error) {
    const separator = argv.indexOf("--");
    return report(error, argv.slice(0, separator === -1 ? undefined : separator).includes("--json"));
  }
}

function report(error: unknown, json: boolean): ExitCode {
  if (error instanceof OutputClosed) return exitCodes.ok;
  const { exitCode, code, message, details } = describeFailure(error);
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  else note(message);
  if (process.env.KVTS_DEBUG === "1") console.error(error);
  return exitCode;
}
