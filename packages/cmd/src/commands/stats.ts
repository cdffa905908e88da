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
function statLines(figures: Subject, indent = ""): string[] {
  return Object.entries(figures).flatMap(([name, value]) => {
    if (isSubject(value)) return [`${indent}${name}`, ...statLines(value, `${indent}  `)];
    if (isTable(value)) return [`${indent}${name}`, ...value.map((row) => `${indent}  ${rowText(row)}`)];
    return [`${indent}${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`];
  });
}

function rowText(row: Subject): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}

interface Subject {
  readonly [name: string]: StatValue;
}

function isTable(value: StatValue): value is readonly Subject[] {
  return Array.isArray(value) && value.length > 0 && value.every(isSubject);
}

function isSubject(value: StatValue): value is Subject {
  return typeof value === "object" && !Array.isArray(value);
}
