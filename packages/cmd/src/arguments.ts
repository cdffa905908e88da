/** Arguments that yargs would misread, exchanged for tokens that it passes through. */
export interface SealedArguments {
  readonly argv: readonly string[];
  /** The text with every token in it turned back into the argument that it stands for. */
  unseal(text: string): string;
}

/**
 * Seals a lone `-`, which yargs reads as an empty string, and everything after `--`, which it keeps apart from the
 * positionals. Tokens begin with NUL, which no argument of a process can hold.
 */
export function sealArguments(argv: readonly string[]): SealedArguments {
  const sealed: string[] = [];
  const seal = (argument: string): string => `\0${sealed.push(argument) - 1};`;
  const separator = argv.indexOf("--");
  const options = separator === -1 ? argv : argv.slice(0, separator);
  const rest = separator === -1 ? [] : argv.slice(separator + 1);
  return {
    argv: [...options.map((argument) => (argument === "-" ? seal(argument) : argument)), ...rest.map(seal)],
    unseal: (text) => text.replaceAll(tokens, (_, index: string) => sealed[Number(index)]!),
  };
}

const tokens = /\0(\d+);/g;

/** Turns tokens back wherever they stand in what yargs has parsed: values of options and positionals, lists of them. */
export function unsealParsed(parsed: Record<string, unknown>, unseal: (text: string) => string): void {
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === "string") parsed[name] = unseal(value);
    else if (Array.isArray(value)) parsed[name] = value.map((each) => (typeof each === "string" ? unseal(each) : each));
  }
}
