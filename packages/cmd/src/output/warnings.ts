import { note } from "./notes.ts";

/** Codes of warnings that have been told in better words already. */
const told = new Set<string>();

/** Tells what a warning with this code would tell, in the words of the command. */
export function noteInstead(code: string, message: string): void {
  told.add(code);
  note(message);
}

/** Warnings of the process, which Node prints with advice on its own flags, become notes of one line. */
export function noteWarnings(): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ code = "", message }: Error & { readonly code?: string }) => {
    if (!told.has(code)) note(message);
  });
}
