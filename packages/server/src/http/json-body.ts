import { invalidArgument, textOf } from "@kvts/common";
import { unsupportedMediaType } from "./problem.ts";

/** The media type alone, in lower case; empty where there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

/** @throws 415 unless the body is said to be JSON, which a web page cannot say without asking first */
export function requireJson(contentType: string | undefined): void {
  if (mediaType(contentType) === "application/json") return;
  throw unsupportedMediaType("this route takes JSON; send it with the header content-type: application/json");
}

/** @throws INVALID_ARGUMENT where `bytes` are no JSON text in UTF-8 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  if (text === undefined) throw invalidArgument("the body is not UTF-8, which JSON has to be");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
