import { isKvtsError, versionFromJson } from "@kvts/common";
import type { BadLine, ImportItem, KeyOperation } from "./item.ts";

/** The write that a version object asks for, or why it cannot be done. */
export function itemFromVersion(line: number, json: unknown): ImportItem {
  try {
    const { key, timestamp, expiresAt, ...content } = versionFromJson(json);
    const operation: KeyOperation =
      content.deleted === true
        ? { op: "delete", key, timestamp }
        : { op: "put", key, value: content.value, timestamp, expiresAt };
    return { line, operation, bytes: key.length + (content.value?.length ?? 0) };
  } catch (error) {
    return badLine(line, error);
  }
}

/** @throws `error` unless it says what is wrong with a line */
export function badLine(line: number, error: unknown): BadLine {
  if (!isKvtsError(error)) throw error;
  return { line, code: error.code, reason: error.message };
}
