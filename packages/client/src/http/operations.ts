import { type EraseResult, isErrorCode, keyToJson, type OperationError, type OperationProgress } from "@kvts/common";
import { arrivedNumber } from "../arrived.ts";
import { brokenAnswer } from "../failures.ts";
import type { EraseRequest, WireOperation } from "../wire.ts";
import { asObject, type Fields, namedRangeToJson, parseObject } from "./messages.ts";

export function eraseToJson({ range, key }: EraseRequest, dryRun: boolean): Fields {
  return { ...(key === undefined ? namedRangeToJson(range) : keyToJson(key)), dryRun };
}

export function operationFromJson(body: Uint8Array): WireOperation {
  const { id, state, progress, hiddenSeq, result, error } = parseObject(body);
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
    ...(state === "succeeded" && { result: eraseResultFrom(asObject(result, "a result")) }),
  };
}

export function eraseResultFromJson(body: Uint8Array): EraseResult {
  return eraseResultFrom(parseObject(body));
}

function eraseResultFrom(fields: Fields): EraseResult {
  return {
    seq: arrivedNumber(fields.seq, "seq"),
    removed: arrivedNumber(fields.removed, "removed"),
    tablesRewritten: arrivedNumber(fields.tablesRewritten, "tablesRewritten"),
    bytesRewritten: arrivedNumber(fields.bytesRewritten, "bytesRewritten"),
    setAside: namesFrom(fields.setAside),
    checkpoints: namesFrom(fields.checkpoints),
  };
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
