/** A fenced block of a Markdown document that is there to be run. */
export interface Block {
  /** `ts`: a program. `console`: commands behind `$ `, and what they print. */
  readonly language: "ts" | "console";
  readonly code: string;
  /** Of its first line of code in the document, counted from 1. */
  readonly line: number;
}

/** A command and the output that the document shows below it. */
export interface Command {
  readonly command: string;
  readonly output: string;
}

/** The blocks of a document that are run; those of other languages are only read. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(ts|console)\n(.*?)^```$/gms)].map(({ 1: language, 2: code, index }) => ({
    language: language as Block["language"],
    code: code!,
    line: markdown.slice(0, index).split("\n").length + 1,
  }));
}

/** What a program says that it prints: its comments that begin with an arrow. */
export function promisedBy(program: string): string {
  return [...program.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line!).join("\n");
}

/** The commands of a `console` block. One goes on in the next line behind a backslash, and within single quotes. */
export function commandsOf(code: string): Command[] {
  const [before, ...parts] = code.split(/^\$ /m);
  if (before !== "") throw new Error(`output without a command: ${before}`);
  return parts.map((part) => {
    const [command] = /^(?:[^'\n\\]|\\[\s\S]|'[^']*')*/.exec(part)!;
    return { command, output: part.slice(command.length).trim() };
  });
}

/**
 * Whether `actual` is what a document shows: `…` stands for any text in its line, and in a line of its own for any lines.
 * Tabs and spaces are alike.
 */
export function isShown(shown: string, actual: string): boolean {
  const pattern = normalized(shown)
    .split("\n")
    .map((line) => (line === "…" ? "[\\s\\S]*?" : line.split("…").map(escaped).join(".*?")))
    .join("\n");
  return new RegExp(`^${pattern}$`).test(normalized(actual));
}

/** Text as a pattern that matches just it. */
function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function normalized(text: string): string {
  return text
    .replace(/\r/g, "")
    .replace(/[ \t]+/g, " ")
    .trim();
}
