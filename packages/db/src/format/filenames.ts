/**
 * The only place where names of files in a data directory are built and parsed; docs/format.md lists them.
 *
 * All numbers come from one space that only grows: no two files of a store ever bear the same number, not even where
 * one of them is gone, so that a name tells what it holds for good.
 */
export type FileKind =
  | "current"
  | "lock"
  | "incomplete"
  | "reserve"
  | "lost"
  | "manifest"
  | "log"
  | "table"
  | "requests"
  | "marks"
  | "spare"
  | "temporary";

export interface ParsedFileName {
  readonly kind: FileKind;
  /** 0 for those that have none: CURRENT, LOCK, INCOMPLETE, RESERVE and lost. */
  readonly number: number;
}

const CURRENT = "CURRENT";
const LOCK = "LOCK";
const INCOMPLETE = "INCOMPLETE";
const RESERVE = "RESERVE";
const LOST = "lost";
const DIGITS_MIN = 6;

/** Names the manifest in force. */
export function currentFileName(directory: string): string {
  return `${directory}/${CURRENT}`;
}

/** Locked by the process that has the directory open. */
export function lockFileName(directory: string): string {
  return `${directory}/${LOCK}`;
}

/** There while a checkpoint is being made in the directory: what else is in it is no store yet. */
export function incompleteFileName(directory: string): string {
  return `${directory}/${INCOMPLETE}`;
}

/** Room that is kept for a full disk. Its contents mean nothing. */
export function reserveFileName(directory: string): string {
  return `${directory}/${RESERVE}`;
}

/** Where recovery and repair put files that they set aside. */
export function lostDirectoryName(directory: string): string {
  return `${directory}/${LOST}`;
}

/** A copy in lost/ of what CURRENT was before manifest `number` replaced it. */
export function lostCurrentFileName(directory: string, number: number): string {
  return `${directory}/${LOST}/${CURRENT}-${digits(number)}`;
}

export function manifestFileName(directory: string, number: number): string {
  return `${directory}/MANIFEST-${digits(number)}`;
}

/** A segment of the write-ahead log. */
export function logFileName(directory: string, number: number): string {
  return `${directory}/${digits(number)}.log`;
}

export function tableFileName(directory: string, number: number): string {
  return `${directory}/${digits(number)}.sst`;
}

/** Request ids that are in no log any more. */
export function requestFileName(directory: string, number: number): string {
  return `${directory}/${digits(number)}.ids`;
}

/** Range marks that are in no log any more. */
export function markFileName(directory: string, number: number): string {
  return `${directory}/${digits(number)}.marks`;
}

/** A log segment prepared for later. Its contents mean nothing. */
export function spareFileName(directory: string, number: number): string {
  return `${directory}/${digits(number)}.spare`;
}

/** A file that gets its real name once it is whole. Its contents mean nothing until then. */
export function temporaryFileName(directory: string, number: number): string {
  return `${directory}/${digits(number)}.tmp`;
}

/** What a name within a data directory says; undefined for one that kvts does not give. */
export function parseFileName(name: string): ParsedFileName | undefined {
  if (name === CURRENT) return { kind: "current", number: 0 };
  if (name === LOCK) return { kind: "lock", number: 0 };
  if (name === INCOMPLETE) return { kind: "incomplete", number: 0 };
  if (name === RESERVE) return { kind: "reserve", number: 0 };
  if (name === LOST) return { kind: "lost", number: 0 };
  const match = /^(?:(MANIFEST)-(\d{6,16})|(\d{6,16})\.(log|sst|ids|marks|spare|tmp))$/.exec(name);
  if (match === null) return undefined;
  const number = Number(match[2] ?? match[3]);
  if (number < 1 || !Number.isSafeInteger(number) || digits(number) !== (match[2] ?? match[3])) return undefined;
  return { kind: KINDS[(match[1] ?? match[4]) as keyof typeof KINDS], number };
}

const KINDS = {
  MANIFEST: "manifest",
  log: "log",
  sst: "table",
  ids: "requests",
  marks: "marks",
  spare: "spare",
  tmp: "temporary",
} as const;

function digits(number: number): string {
  return String(number).padStart(DIGITS_MIN, "0");
}
