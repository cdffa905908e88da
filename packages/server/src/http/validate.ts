import { invalidArgument, KvtsError } from "@kvts/common";
import type { z } from "zod";

/** Names of conditions on writes, which the server must not pass over as if they had held. */
const conditionNames: ReadonlySet<string> = new Set(["ifSeq", "ifAbsent", "ifTimestamp", "preconditions"]);

/** The sentence for conditions, which are not served. */
export function conditionsUnserved(name: string): KvtsError {
  return new KvtsError("UNIMPLEMENTED", `this server does not judge conditions; leave ${name} out`, {
    details: { field: name },
  });
}

/**
 * `input` as `schema` describes it.
 * @param what how errors call the whole: `the query`, `the body`
 * @throws INVALID_ARGUMENT naming the field that is unknown, missing or of a wrong type
 */
export function validated<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw refusal(result.error.issues[0]!, what, "shape" in schema ? Object.keys(schema.shape as object) : []);
}

type Issue = z.core.$ZodIssue;

/** @param fields of the whole, where it has any */
function refusal(issue: Issue, what: string, fields: readonly string[]): KvtsError {
  const innermost = deepest(issue);
  const path = innermost.path.map(String);
  if (innermost.code === "unrecognized_keys") {
    const name = innermost.keys[0]!;
    if (conditionNames.has(name)) return conditionsUnserved(name);
    const remedy = path.length > 0 || fields.length === 0 ? "leave it out" : `it may have ${fields.join(", ")}`;
    return invalidArgument(`${placeOf(path, what)} has no field ${JSON.stringify(name)}; ${remedy}`, { field: name });
  }
  const field = path.join(".");
  const message = innermost.message.replace(/^Invalid input: /, "");
  if (field === "") return invalidArgument(`${what} is not right: ${message}`);
  return invalidArgument(`${field} in ${what} is not right: ${message}`, { field });
}

/** Of a union's complaints, the one that got furthest: that is what the caller meant. */
function deepest(issue: Issue): { readonly path: PropertyKey[] } & Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.map((issues) => issues[0]).filter((candidate) => candidate !== undefined);
  const best = inner.sort((a, b) => b.path.length - a.path.length)[0];
  if (best === undefined || best.path.length === 0) return issue;
  const found = deepest(best);
  return { ...found, path: [...issue.path, ...found.path] };
}

function placeOf(path: readonly string[], what: string): string {
  return path.length === 0 ? what : `${path.join(".")} in ${what}`;
}
