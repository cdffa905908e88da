import { invalidArgument, type KvtsError } from "@kvts/common";
import type { z } from "zod";
import { type Issue, requirementOf } from "./requirement.ts";

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

/** @param fields of the whole, where it has any */
function refusal(outer: Issue, what: string, fields: readonly string[]): KvtsError {
  const issue = innermost(outer);
  const field = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return unknownField(issue.keys[0]!, field, what, fields);
  const name = field === "" ? what : `${field} in ${what}`;
  return invalidArgument(`${name} ${requirementOf(issue)}`, field === "" ? undefined : { field });
}

function unknownField(name: string, path: string, what: string, fields: readonly string[]): KvtsError {
  const place = path === "" ? what : `${path} in ${what}`;
  const remedy = path === "" && fields.length > 0 ? `it may have ${fields.join(", ")}` : "leave it out";
  return invalidArgument(`${place} has no field ${JSON.stringify(name)}; ${remedy}`, { field: name });
}

/** Of the complaints of a union's members, the one that goes into what was given: that member was meant. */
function innermost(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const meant = issue.errors.map((issues) => issues[0]).find(isInner);
  return meant === undefined ? issue : innermost({ ...meant, path: [...issue.path, ...meant.path] });
}

function isInner(issue: Issue | undefined): issue is Issue {
  return issue !== undefined && (issue.path.length > 0 || issue.code === "unrecognized_keys");
}
