import type { Recovery } from "@kvts/db";
import { countOf } from "../output/notes.ts";

/** What a server says once it can be used. */
export interface Announcement {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly dbPath: string;
  readonly recovery: Recovery;
}

/** For people several lines, for programs one JSON object on a line, with the process's id. */
export function announcementText({ grpcUrl, httpUrl, dbPath, recovery }: Announcement, json: boolean): string {
  if (json) return `${JSON.stringify({ grpcUrl, httpUrl, dbPath, pid: process.pid, recovery })}\n`;
  const lines = [
    `kvts serves ${dbPath}`,
    `  gRPC      ${grpcUrl}`,
    `  HTTP      ${httpUrl}`,
    `  recovery  ${recoveryText(recovery)}`,
    "Ctrl-C stops it.",
  ];
  return `${lines.join("\n")}\n`;
}

/** What opening had to do, in a phrase. */
function recoveryText(recovery: Recovery): string {
  if (recovery.created) return "a new store";
  if (recovery.clean) return "none needed, it was closed in order";
  const { operations, logs, elapsedMs, setAside } = recovery;
  const replayed = `${countOf(operations, "operation")} from ${countOf(logs, "log")} in ${Math.round(elapsedMs)} ms`;
  const lost = setAside.length === 0 ? [] : [`set aside in lost/: ${setAside.join(", ")}`];
  return [`replayed ${replayed}`, ...lost].join("; ");
}
