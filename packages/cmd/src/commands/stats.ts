import type { StatValue } from "@kvts/common";
import { type Command, defineCommand } from "../command.ts";
import { withTarget } from "../options/target.ts";
import { print } from "../output/sink.ts";
import { useStore } from "../target/use-store.ts";

export const stats: Command = defineCommand({
  command: "stats",
  describe: "Show figures about a store",
  builder: (yargs) => withTarget(yargs),
  handler: async (args) => {
    const figures = await useStore(args, "read", (store) => store.stats());
    await print(args.json ? `${JSON.stringify(figures)}\n` : `${statLines(figures).join("\n")}\n`);
  },
});

/** One line a figure, subjects with their figures indented below them. */
function statLines(figures: { readonly [name: string]: StatValue }, indent = ""): string[] {
  return Object.entries(figures).flatMap(([name, value]) => {
    if (isSubject(value)) return [`${indent}${name}`, ...statLines(value, `${indent}  `)];
    return [`${indent}${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`];
  });
}

function isSubject(value: StatValue): value is { readonly [name: string]: StatValue } {
  return typeof value === "object" && !Array.isArray(value);
}
