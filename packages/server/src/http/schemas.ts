import { z } from "@hono/zod-openapi";
import { limits } from "@kvts/common";

/*
 * The shapes of requests and answers. Requests are checked by them, and the OpenAPI document is made of them; what a
 * shape cannot say (which times, keys and sizes are good) is checked by the functions of @kvts/common.
 */

const timeFormats = "RFC 3339, `now`, relative such as `-5m`, or integer microseconds since the Unix epoch";

const micros = z.int().min(0).max(limits.timestampMax);
export const timestampSchema = micros.openapi({ description: "Microseconds since the Unix epoch." });
export const seqSchema = micros.openapi({ description: "Place in the order of commits; never reused." });

/** In a query every value is text. */
export const timeParameter = (description: string) =>
  z.string().openapi({ description: `${description} ${timeFormats}.`, example: "2023-01-12T11:48:12Z" });

/** Text, or bytes where the percent-encoding is of no UTF-8. */
const boundParameter = (description: string) =>
  z.union([z.string(), z.instanceof(Uint8Array)]).openapi({ type: "string", description });

/** Which keys a list is about. */
export const rangeParameters = {
  prefix: boundParameter("What every key begins with; not together with start or end.").optional(),
  start: boundParameter("The first key, inclusive.").optional(),
  end: boundParameter("The key to stop before.").optional(),
};

export const keyEncodingParameter = z.literal("base64url").openapi({
  description: "Keys in the path and in prefix, start and end are base64url of their bytes. Needed for `.` and `..`.",
});

export const asParameter = z.literal("json").openapi({
  description: "Answer in JSON, with values that are JSON themselves as `valueJson`.",
});

export const flagParameter = (description: string) =>
  z.enum(["true", "false"]).openapi({ type: "boolean", description });

export const snapshotParameter = z.string().openapi({
  description: "The id of an open snapshot to read in; 410 once its lease has ended.",
});

/** What all lists take. */
export const pageParameters = {
  pageSize: z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .openapi({ type: "integer", description: `Most items wanted; at most ${limits.pageItemsMax} are sent.` })
    .optional(),
  pageToken: z.string().openapi({ description: "The `nextPageToken` of the page before." }).optional(),
  snapshot: snapshotParameter.optional(),
};

/** A moment in a JSON body. */
export const timeField = (description: string) =>
  z.union([z.string(), z.number()]).openapi({ description: `${description} ${timeFormats}.` });

export const keyFields = {
  key: z.string().openapi({ description: "The key, when its bytes are UTF-8." }).optional(),
  keyBase64: z.string().openapi({ description: "The key's bytes in base64, in place of `key`." }).optional(),
};

/** A range in a JSON body. */
export const rangeFields = {
  prefix: z.string().openapi({ description: "What every key begins with; not together with start or end." }).optional(),
  prefixBase64: z.string().openapi({ description: "The same as base64 of its bytes." }).optional(),
  start: z.string().openapi({ description: "The first key, inclusive." }).optional(),
  startBase64: z.string().openapi({ description: "The same as base64 of its bytes." }).optional(),
  end: z.string().openapi({ description: "The key to stop before." }).optional(),
  endBase64: z.string().openapi({ description: "The same as base64 of its bytes." }).optional(),
};

export const valueFields = {
  value: z.string().openapi({ description: "The value, when its bytes are UTF-8." }).optional(),
  valueBase64: z.string().openapi({ description: "The value's bytes in base64." }).optional(),
  valueJson: z.unknown().openapi({ description: "The value as JSON, stored in its compact form." }).optional(),
};

export const expiryFields = {
  expiresAt: timeField("From when on the value reads as deleted.").optional(),
  ttl: z
    .string()
    .openapi({ description: "How long from now until it does, such as `30d`.", example: "1h30m" })
    .optional(),
};

export const writeTimestampField = {
  timestamp: timeField("From when on this holds; assigned when absent.").optional(),
};

export const writeResultSchema = z
  .object({ timestamp: timestampSchema, seq: seqSchema })
  .openapi("WriteResult", { description: "What a write was committed as." });

export const deletedRangeSchema = z
  .object({
    timestamp: timestampSchema.optional(),
    seq: seqSchema.optional(),
    keys: z.int().optional().openapi({ description: "Of a dry run, which has nothing else." }),
  })
  .openapi("DeletedRange", { description: "What the deletion was committed as; of a dry run, what it would do." });

export const versionSchema = z
  .object({
    ...keyFields,
    timestamp: timestampSchema,
    time: z.string().openapi({ format: "date-time", description: "The timestamp in RFC 3339." }),
    seq: seqSchema,
    expiresAt: timestampSchema.optional(),
    ...valueFields,
    deleted: z.literal(true).optional(),
  })
  .openapi("Version", { description: "A value and the moment from which it holds, or a tombstone." });

const pageFields = {
  nextPageToken: z.string().openapi({ description: "Absent on the last page; pins `seq` for 60 s." }).optional(),
  seq: seqSchema,
};

export const versionListSchema = z.object({ items: z.array(versionSchema), ...pageFields }).openapi("VersionList");

const whole = z.int().min(0);

export const bucketSchema = z
  .object({
    timestamp: timestampSchema.openapi({ description: "Where it begins, in microseconds since the Unix epoch." }),
    time: z.string().openapi({ format: "date-time", description: "The timestamp in RFC 3339." }),
    count: whole.openapi({ description: "How many numbers there are." }),
    skipped: whole.openapi({ description: "How many values are no numbers, and count for nothing." }),
    first: z.number(),
    last: z.number(),
    min: z.number(),
    max: z.number(),
    mean: z.number().openapi({ description: "Each number counts the same, however long it held." }),
  })
  .openapi("Bucket", { description: "The numbers among the values with a timestamp in one step of time." });

export const bucketListSchema = z.object({ items: z.array(bucketSchema), ...pageFields }).openapi("BucketList");

export const changeSchema = z
  .object({
    ...keyFields,
    kind: z.enum(["added", "changed", "removed"]),
    before: versionSchema.optional(),
    after: versionSchema.optional(),
  })
  .openapi("Change", { description: "A key for which another version is visible at `to` than at `from`." });

export const changeListSchema = z.object({ items: z.array(changeSchema), ...pageFields }).openapi("ChangeList");

export const retractionSchema = z
  .object({
    op: z.literal("retract"),
    ...keyFields,
    timestamp: timestampSchema,
    time: z.string().openapi({ format: "date-time", description: "The timestamp in RFC 3339." }),
    seq: seqSchema,
  })
  .openapi("Retraction", { description: "What was written at a timestamp is taken back." });

const boundField = z.string().optional();

export const rangeDeletionSchema = z
  .object({
    op: z.literal("deleteRange"),
    start: boundField.openapi({ description: "The first key, where it is bounded and UTF-8." }),
    startBase64: boundField,
    end: boundField.openapi({ description: "The key that it stops before, where it is bounded and UTF-8." }),
    endBase64: boundField,
    timestamp: timestampSchema,
    time: z.string().openapi({ format: "date-time", description: "The timestamp in RFC 3339." }),
    seq: seqSchema,
  })
  .openapi("RangeDeletion", {
    description: "Every key of the range holds nothing from the timestamp on: what of it lies in the watched range.",
  });

export const rangeRestorationSchema = z
  .object({
    op: z.literal("restored"),
    start: boundField.openapi({ description: "The first key, where it is bounded and UTF-8." }),
    startBase64: boundField,
    end: boundField.openapi({ description: "The key that it stops before, where it is bounded and UTF-8." }),
    endBase64: boundField,
    to: timestampSchema.openapi({ description: "The moment that was gone back to." }),
    timestamp: timestampSchema.openapi({ description: "That of all that was written." }),
    time: z.string().openapi({ format: "date-time", description: "The timestamp in RFC 3339." }),
    seq: seqSchema,
  })
  .openapi("RangeRestoration", {
    description:
      "A restore too large for one batch: the range looks as it did at a moment. What of it lies in the watched range.",
  });

export const watchEventSchema = z
  .object({
    seq: seqSchema.openapi({ description: "Everything in the range up to here has come." }),
    items: z.array(z.union([versionSchema, retractionSchema, rangeDeletionSchema, rangeRestorationSchema])),
    initial: z.literal(true).openapi({ description: "A page of the state at `seq`." }).optional(),
    more: z.literal(true).openapi({ description: "Another part of the batch or state follows." }).optional(),
  })
  .openapi("WatchEvent", { description: "One batch, as far as it lies in the range." });

export const batchGetSchema = z
  .object({ items: z.array(versionSchema.nullable()), ...pageFields })
  .openapi("BatchGetResult", { description: "In the order asked; `null` for a key that holds nothing." });

export const leaseSchema = z
  .object({
    id: z.string().openapi({ description: "What reads take as `snapshot`. Nobody can guess it." }),
    seq: seqSchema,
    leaseMs: z.int().openapi({ description: "How long it stays open from now on, unless it is renewed." }),
  })
  .openapi("Snapshot", { description: "A view fixed at a seq, for as long as its lease goes on." });

export const keepForSchema = z.union([z.string(), whole, z.null()]).openapi({
  description: "How long, such as `30d`, or in whole microseconds; `null` for ever.",
  example: "30d",
});

const horizon = timestampSchema.openapi({
  description: "How far history is cut, in microseconds since the Unix epoch; 0 where it is not.",
});

export const retentionListSchema = z
  .object({
    items: z.array(
      z.object({
        prefix: z.string().optional(),
        prefixBase64: z.string().openapi({ description: "In place of `prefix` where that is no UTF-8." }).optional(),
        keepFor: z.string().nullable(),
        horizon,
      }),
    ),
  })
  .openapi("RetentionList");

export const retentionResultSchema = z
  .object({
    horizon,
    trimmed: z
      .object({ versions: whole, bytes: whole.openapi({ description: "Of their keys and values." }) })
      .openapi({ description: "With `dryRun` alone: what would go." })
      .optional(),
  })
  .openapi("RetentionResult");

export const restoreResultSchema = z
  .object({
    to: timestampSchema.openapi({ description: "The moment that it went back to." }),
    restored: whole.openapi({ description: "How many keys have a value again, or another one." }),
    deleted: whole.openapi({ description: "How many keys hold nothing any more." }),
    bytes: whole.openapi({ description: "Of those keys and values." }),
    timestamp: timestampSchema.openapi({ description: "Of all that was written." }).optional(),
    seq: seqSchema.openapi({ description: "The last that was written." }).optional(),
    sample: z
      .array(changeSchema)
      .openapi({
        description:
          "Of a dry run: the first keys that would change, ten at most, and fewer where they are large; `before` what they hold, `after` what they held at `to`.",
      })
      .optional(),
  })
  .openapi("RestoreResult", { description: "`timestamp` and `seq` are absent where there was nothing to write." });

export const eraseResultSchema = z
  .object({
    seq: seqSchema.openapi({ description: "Every version of the keys with a lower seq is gone, or is counted." }),
    removed: whole.openapi({
      description: "Versions removed; of a dry run those that can be read, deleted ranges apart.",
    }),
    tablesRewritten: whole.openapi({ description: "Tables that were written anew without them, or removed." }),
    bytesRewritten: whole.openapi({ description: "Bytes of those tables." }),
    setAside: z.array(z.string()).openapi({ description: "Files in `lost/`, which are not looked into." }),
    checkpoints: z
      .array(z.string())
      .openapi({ description: "The server's checkpoints: they may hold what is erased." }),
  })
  .openapi("EraseResult");

export const checkpointReportSchema = z
  .object({
    directory: z.string().openapi({ description: "On the server's machine." }),
    incarnation: z.string().openapi({ description: "Of the copy: a new one." }),
    seq: seqSchema.openapi({ description: "The last in it." }),
    tables: whole,
    linkedBytes: whole.openapi({ description: "Of tables that it shares with the store." }),
    copiedBytes: whole.openapi({ description: "Of tables that were copied." }),
    operations: whole.openapi({ description: "Those that were in no table yet." }),
    logBytes: whole.openapi({ description: "Of log that they take." }),
    elapsedMs: whole,
  })
  .openapi("CheckpointReport");

export const verifyReportSchema = z
  .object({
    sound: z.boolean(),
    incarnation: z.string().optional(),
    tables: whole,
    versions: whole,
    operations: whole,
    files: z
      .array(
        z.object({
          file: z.string(),
          state: z.enum(["sound", "damaged", "missing", "not needed", "unknown"]),
          bytes: whole,
          entries: whole,
          reason: z.string().optional(),
        }),
      )
      .openapi({ description: "Those that are not sound, or that the store does not need; 1,000 at most." }),
    problems: z
      .array(z.object({ file: z.string(), offset: whole, message: z.string() }))
      .openapi({ description: "1,000 at most." }),
    problemsOmitted: whole,
    bytesRead: whole,
    elapsedMs: whole,
  })
  .openapi("VerifyReport");

export const operationSchema = z
  .object({
    id: z.string().openapi({ description: "Names it, for as long as the server runs." }),
    kind: z.enum(["erase", "checkpoint", "verify"]),
    state: z.enum(["running", "succeeded", "failed"]),
    startedAt: timestampSchema,
    endedAt: timestampSchema.optional(),
    progress: z
      .object({
        phase: z.string().openapi({
          description: "Of an erasure: hiding, memory, tables, log, files; of a verification the file that it reads.",
        }),
        bytesTotal: whole.openapi({ description: "Bytes of the files that it sees to." }),
        bytesDone: whole,
      })
      .optional(),
    hiddenSeq: seqSchema
      .openapi({ description: "Of an erasure: no read shows a version of the keys with a lower seq." })
      .optional(),
    result: z
      .union([eraseResultSchema, checkpointReportSchema, verifyReportSchema])
      .openapi({ description: "Once it has succeeded, by its kind." })
      .optional(),
    error: z
      .object({
        code: z.string(),
        message: z.string().openapi({ description: "One sentence that says what to do." }),
        details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      })
      .openapi({ description: "Once it has failed." })
      .optional(),
  })
  .openapi("Operation", { description: "Something that takes long: it goes on whoever waits for it." });

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: "One sentence that says what to do." }),
    code: z.string().openapi({ example: "INVALID_ARGUMENT" }),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .openapi("Problem", { description: "RFC 9457." });

export const emptyBodySchema = z.strictObject({}).openapi("Empty");
