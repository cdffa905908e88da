/**
 * Runs a program that notes on stderr what it does, and prints on stdout what other programs read. An error is its
 * message and exit code 1.
 */
export function runProgram(
  usage: string,
  main: (args: readonly string[], note: (text: string) => void) => Promise<void>,
): void {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(usage);
    return;
  }
  main(args, note).catch((error: unknown) => {
    note(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}

function note(text: string): void {
  process.stderr.write(text);
}
