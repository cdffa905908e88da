import { z } from "@hono/zod-openapi";
import { type ConditionOptions, checkSeq, invalidArgument, KvtsError, type Precondition } from "@kvts/common";
import type { HttpCall } from "./route.ts";
import { flagParameter, keyFields, seqSchema, timeField, timeParameter } from "./schemas.ts";
import { keyIn, queryTime, type Times, timeIn } from "./value-fields.ts";

/** A condition among the parameters of a write of one key. */
export const conditionParameters = {
  ifAbsent: flagParameter("Only where the key holds nothing; as `If-None-Match: *`.").optional(),
  ifSeq: z
    .string()
    .regex(/^\d{1,16}$/, "must be a whole number")
    .optional()
    .openapi({
      type: "integer",
      description: "Only where the key's newest version is the value of this seq; as `If-Match` with its ETag.",
    }),
  ifTimestamp: timeParameter("Only where the key's newest version is a value with this timestamp.").optional(),
};

/** The same, in the headers. */
export const conditionHeaders = {
  "if-match": z
    .string()
    .optional()
    .openapi({ description: "The ETag that the key's newest value must have.", example: '"17"' }),
  "if-none-match": z.string().optional().openapi({ description: "`*`: the key must hold nothing.", example: "*" }),
};

/** A condition in the body of a batch. */
export const preconditionSchema = z
  .strictObject({
    ...keyFields,
    ifAbsent: z.literal(true).optional().openapi({ description: "The key holds nothing." }),
    ifSeq: seqSchema.optional().openapi({ description: "Its newest version is the value of this seq." }),
    ifTimestamp: timeField("Its newest version is a value with this timestamp.").optional(),
  })
  .openapi("Precondition", { description: "One of ifAbsent, ifSeq and ifTimestamp has to hold of the key." });

interface ConditionQuery {
  readonly ifAbsent?: "true" | "false" | undefined;
  readonly ifSeq?: string | undefined;
  readonly ifTimestamp?: string | undefined;
}

/** The condition of a write of one key, from its query or its headers. */
export function conditionIn(
  query: ConditionQuery,
  header: HttpCall<never, never>["header"],
  times: Times,
): ConditionOptions {
  const inHeaders = headerCondition(header);
  const { ifAbsent, ifSeq, ifTimestamp } = query;
  if (ifAbsent === undefined && ifSeq === undefined && ifTimestamp === undefined) return inHeaders ?? {};
  if (inHeaders !== undefined) {
    throw invalidArgument("the write has conditions in its query and in its headers; leave one out");
  }
  return {
    ifAbsent: ifAbsent === undefined ? undefined : ifAbsent === "true",
    ifSeq: ifSeq === undefined ? undefined : checkSeq(Number(ifSeq), "ifSeq"),
    ifTimestamp: queryTime(ifTimestamp, times),
  };
}

export function preconditionIn(fields: z.output<typeof preconditionSchema>, times: Times): Precondition {
  const { ifAbsent, ifSeq, ifTimestamp, ...key } = fields;
  // Whether it is exactly one is checked where all faces meet.
  return { key: keyIn(key), ifAbsent, ifSeq, ifTimestamp: timeIn(ifTimestamp, times) } as Precondition;
}

function headerCondition(header: HttpCall<never, never>["header"]): ConditionOptions | undefined {
  // Passed over, it would be a lost update.
  if (header("if-unmodified-since") !== undefined) {
    throw new KvtsError(
      "UNIMPLEMENTED",
      "if-unmodified-since is too coarse to judge by; send If-Match with an ETag instead",
      {
        details: { field: "if-unmodified-since" },
      },
    );
  }
  const match = header("if-match");
  const noneMatch = header("if-none-match");
  if (match !== undefined && noneMatch !== undefined) {
    throw invalidArgument("a write takes one of If-Match and If-None-Match; leave one out", { field: "if-match" });
  }
  if (match !== undefined) return { ifSeq: seqOfTag(match) };
  if (noneMatch === undefined) return undefined;
  if (noneMatch.trim() === "*") return { ifAbsent: true };
  throw invalidArgument("If-None-Match of a write must be *: the key holds nothing", { field: "if-none-match" });
}

/** The seq in the ETag of any representation. */
function seqOfTag(match: string): number {
  const digits = /^"(\d{1,16})(?:\.json(?:\.gzip)?)?"$/.exec(match.trim())?.[1];
  const seq = Number(digits);
  if (digits !== undefined && Number.isSafeInteger(seq)) return seq;
  throw invalidArgument('If-Match of a write must be one ETag that was answered for the key, such as "17"', {
    field: "if-match",
  });
}
