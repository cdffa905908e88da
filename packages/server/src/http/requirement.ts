import type { z } from "zod";

/** One complaint of a schema. */
export type Issue = z.core.$ZodIssue;

/** What a value that drew `issue` has to be, as the end of a sentence: `must be …`, `is missing; it must be …`. */
export function requirementOf(issue: Issue): string {
  const must = `must be ${expectedBy(issue)}`;
  return isMissing(issue) ? `is missing; it ${must}` : must;
}

const nouns: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return nouns[issue.expected] ?? issue.expected;
    case "invalid_value":
      return anyOf(issue.values.map((value) => JSON.stringify(value) ?? String(value)));
    case "invalid_format":
      return "a whole number";
    case "too_small":
      return `at least ${issue.minimum}`;
    case "too_big":
      return `at most ${issue.maximum}`;
    case "invalid_union":
      return ofUnion(issue);
    default:
      return `otherwise (${issue.message})`;
  }
}

function ofUnion(issue: Extract<Issue, { code: "invalid_union" }>): string {
  if ("options" in issue && issue.options !== undefined)
    return anyOf(issue.options.map((option) => JSON.stringify(option) ?? String(option)));
  return anyOf(issue.errors.flatMap(([first]) => (first === undefined ? [] : [expectedBy(first)])));
}

function anyOf(alternatives: readonly string[]): string {
  return alternatives.join(" or ");
}

/** Only a field that is not there at all has no value; JSON has no `undefined`. */
function isMissing(issue: Issue): boolean {
  return issue.code === "invalid_type" && issue.message.endsWith("received undefined");
}
