import type { StatValue } from "@kvts/common";

/** What a server says once it can be used. */
export interface Announcement {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly dbPath: string;
  /** What opening the store had to do, as its stats tell it. */
  readonly recovery: StatValue | undefined;
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

function recoveryText(recovery: StatValue | undefined): string {
  if (typeof recovery !== "object" || Array.isArray(recovery)) return String(recovery ?? "nothing to do");
  return Object.entries(recovery)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}
