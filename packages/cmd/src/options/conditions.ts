import { type AnyWriteOptions, type ConditionOptions, checkSeq } from "@kvts/common";
import type { Argv } from "yargs";
import { usageError } from "../failure.ts";
import { named, readTime, timeOption } from "./times.ts";

interface ConditionFlags {
  "if-absent": boolean | undefined;
  "if-seq": string | undefined;
  "if-timestamp": string | undefined;
  "request-id": string | undefined;
}

/** The same, as yargs hands them over. */
interface ConditionArguments {
  readonly ifAbsent: boolean | undefined;
  readonly ifSeq: string | undefined;
  readonly ifTimestamp: string | undefined;
  readonly requestId: string | undefined;
}

/** The flags of a write that is carried out under a condition, or once however often it is sent. */
export function withConditions<T>(yargs: Argv<T>): Argv<T & ConditionFlags> {
  return yargs
    .option("if-absent", { type: "boolean", describe: "Only where the key holds nothing" })
    .option("if-seq", {
      type: "string",
      requiresArg: true,
      describe: "Only where the key's newest version is the value of this seq",
    })
    .option("if-timestamp", timeOption("Only where the key's newest version is a value with this timestamp"))
    .option("request-id", {
      type: "string",
      requiresArg: true,
      describe: "A name for this write: sent again within ten minutes, it is not carried out again",
    });
}

export function readConditions(args: ConditionArguments): ConditionOptions & AnyWriteOptions {
  const { ifAbsent, requestId } = args;
  const ifSeq = readSeq(args.ifSeq);
  return { ifAbsent, ifSeq, ifTimestamp: readTime(args.ifTimestamp, "--if-timestamp"), requestId };
}

function readSeq(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw usageError(`--if-seq is a whole number, not ${text}`);
  return named("--if-seq", () => checkSeq(Number(text)));
}
