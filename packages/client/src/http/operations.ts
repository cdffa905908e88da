import {
  type CheckpointReport,
  type EraseResult,
  isErrorCode,
  keyToJson,
  type OperationError,
  type OperationProgress,
  type VerifiedState,
  type VerifyReport,
} from "@kvts/common";
import { arrivedNumber } from "../arrived.ts";
import { brokenAnswer } from "../failures.ts";
import type { EraseRequest, WireOperation } from "../wire.ts";
import { asObject, type Fields, namedRangeToJson, parseObject } from "./messages.ts";

export function eraseToJson({ range, key }: EraseRequest, dryRun: boolean): Fields {
  return { ...(key === undefined ? namedRangeToJson(range) : keyToJson(key)), dryRun };
}

export function operationFromJson(body: Uint8Array): WireOperation {
  const { id, kind, state, progress, hiddenSeq, result, error } = parseObject(body);
  // It goes into paths as it is.
  if (typeof id !== "string" || !/^[\w-]+$/.test(id)) throw brokenAnswer("its id is none of an operation");
  if (state !== "running" && state !== "succeeded" && state !== "failed") {
    throw brokenAnswer("an operation is in no state that this client knows");
  }
  return {
    id,
    state,
    ...(progress !== undefined && { progress: progressFrom(progress) }),
    ...(hiddenSeq !== undefined && { hiddenSeq: arrivedNumber(hiddenSeq, "hiddenSeq") }),
    ...(state === "failed" && { error: errorFrom(error) }),
    ...(state === "succeeded" && { result: resultFrom(kind, asObject(result, "a result")) }),
  };
}

function resultFrom(kind: unknown, fields: Fields): NonNullable<WireOperation["result"]> {
  switch (kind) {
    case "erase":
      return eraseResultFrom(fields);
    case "checkpoint":
      return checkpointFrom(fields);
    case "verify":
      return verificationFrom(fields);
    default:
      throw brokenAnswer("an operation is of a kind that this client does not know");
  }
}

export function eraseResultFromJson(body: Uint8Array): EraseResult {
  return eraseResultFrom(parseObject(body));
}

function eraseResultFrom(fields: Fields): EraseResult {
  return {
    ...numbersOf(fields, ["seq", "removed", "tablesRewritten", "bytesRewritten"]),
    setAside: namesFrom(fields.setAside),
    checkpoints: namesFrom(fields.checkpoints),
  };
}

function checkpointFrom(fields: Fields): CheckpointReport {
  return {
    directory: String(fields.directory),
    incarnation: String(fields.incarnation),
    ...numbersOf(fields, ["seq", "tables", "linkedBytes", "copiedBytes", "operations", "logBytes", "elapsedMs"]),
  };
}

function verificationFrom(fields: Fields): VerifyReport {
  const { sound, incarnation, files, problems } = fields;
  if (!Array.isArray(files) || !Array.isArray(problems)) throw brokenAnswer("a verification lists nothing");
  return {
    sound: sound === true,
    ...(typeof incarnation === "string" && { incarnation }),
    ...numbersOf(fields, ["tables", "versions", "operations", "problemsOmitted", "bytesRead", "elapsedMs"]),
    files: files.map((json: unknown) => {
      const file = asObject(json, "a file");
      const { reason } = file;
      return {
        file: String(file.file),
        state: String(file.state) as VerifiedState,
        ...numbersOf(file, ["bytes", "entries"]),
        ...(typeof reason === "string" && { reason }),
      };
    }),
    problems: problems.map((json: unknown) => {
      const { file, offset, message } = asObject(json, "a problem");
      return { file: String(file), offset: arrivedNumber(offset, "offset"), message: String(message) };
    }),
  };
}

function numbersOf<Name extends string>(fields: Fields, names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, arrivedNumber(fields[name], name)])) as Record<Name, number>;
}

function namesFrom(json: unknown): string[] {
  if (!Array.isArray(json)) throw brokenAnswer("its names are no list");
  return json.map(String);
}

function progressFrom(json: unknown): OperationProgress {
  const { phase, bytesTotal, bytesDone } = asObject(json, "the progress");
  if (typeof phase !== "string") throw brokenAnswer("its phase is no text");
  return {
    phase,
    bytesTotal: arrivedNumber(bytesTotal, "bytesTotal"),
    bytesDone: arrivedNumber(bytesDone, "bytesDone"),
  };
}

function errorFrom(json: unknown): OperationError {
  const { code, message, details = {} } = asObject(json, "the error of an operation");
  if (typeof code !== "string" || typeof message !== "string")
    throw brokenAnswer("the error of an operation says nothing");
  const known = isErrorCode(code) ? code : "INTERNAL";
  return { code: known, message, details: asObject(details, "the details") as OperationError["details"] };
}
