import type { StandardSchemaV1 } from "@standard-schema/spec";
import { textOf } from "../bytes.ts";
import { invalidArgument } from "../errors.ts";
import type { BytesInput } from "../store.ts";

/** How values of a type become bytes and back. `In` is what is written, `Out` what is read. */
export interface ValueType<In, Out = In> {
  /** @throws INVALID_ARGUMENT for what is no such value */
  encode(value: In): BytesInput;
  /** @throws INVALID_ARGUMENT for bytes that are no such value */
  decode(bytes: Uint8Array): Out;
}

/**
 * Values as JSON, checked by a validator where one is given: any that follows the Standard Schema (zod, valibot, arktype
 * …), at once and without promises. What is written is stored as it was given; what is read is what the validator makes
 * of it, so a transforming one works in both directions.
 */
export function json<T = unknown>(): ValueType<T>;
export function json<In, Out>(schema: StandardSchemaV1<In, Out>): ValueType<In, Out>;
export function json(schema?: StandardSchemaV1): ValueType<unknown> {
  return {
    encode(value) {
      if (schema !== undefined) validated(schema, value, "the value to be written");
      return stringified(value);
    },
    decode(bytes) {
      const value = parsed(bytes);
      return schema === undefined ? value : validated(schema, value, "the stored value");
    },
  };
}

/** Values as UTF-8 text. */
export function text(): ValueType<string> {
  return {
    encode(value) {
      if (typeof value !== "string") throw invalidArgument("a value of a view with text() is a string");
      return value;
    },
    decode: textIn,
  };
}

function stringified(value: unknown): string {
  let written: string | undefined;
  try {
    written = JSON.stringify(value) as string | undefined;
  } catch (cause) {
    throw invalidArgument(`the value cannot be written as JSON: ${(cause as Error).message}`);
  }
  if (written === undefined) throw invalidArgument("the value cannot be written as JSON; to remove a key, delete it");
  return written;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textIn(bytes));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw invalidArgument("the stored value is not JSON; read its bytes through a view without a value type");
  }
}

function textIn(bytes: Uint8Array): string {
  const found = textOf(bytes);
  if (found !== undefined) return found;
  throw invalidArgument("the stored value is not UTF-8 text; read its bytes through a view without a value type");
}

function validated(schema: StandardSchemaV1, value: unknown, what: string): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    throw invalidArgument("the validator answers with a promise; a value type takes one that answers at once");
  }
  if (result.issues === undefined) return result.value;
  throw invalidArgument(`${what} is not valid: ${result.issues.map(issueText).join("; ")}`);
}

function issueText({ message, path }: StandardSchemaV1.Issue): string {
  if (path === undefined || path.length === 0) return message;
  return `${path.map((step) => String(typeof step === "object" ? step.key : step)).join(".")}: ${message}`;
}
