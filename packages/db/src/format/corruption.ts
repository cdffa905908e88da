import { isKvtsError, KvtsError } from "@kvts/common";

const ADVICE = '; restore it from a backup, or save what is whole with "kvts repair".';

/**
 * The error for bytes that cannot be what kvts wrote.
 * @param offset where in the file the damaged structure begins, in bytes.
 * @param problem what is wrong there, as a clause without a full stop: "its checksum does not match".
 */
export function corruption(file: string, offset: number, problem: string): KvtsError {
  return new KvtsError("CORRUPTION", `${file} is damaged at byte ${offset}: ${problem}${ADVICE}`, {
    details: { file, offset },
  });
}

/** Whether an error tells of a file's bytes: that they are damaged, or that the disk cannot read them. */
export function isDamage(error: unknown): boolean {
  return isKvtsError(error, "CORRUPTION") || (error as NodeJS.ErrnoException | undefined)?.code === "EIO";
}

/**
 * The damage to `file` that an error tells of, at `offset` where the error itself does not say where.
 * @throws `error` where it tells of none
 */
export function damageFrom(error: unknown, file: string, offset: number): KvtsError {
  if (isKvtsError(error, "CORRUPTION")) return error;
  if (!isDamage(error)) throw error;
  return corruption(file, offset, `the disk cannot read it (${(error as Error).message})`);
}

/** What a {@link corruption} says, without its advice: one sentence that names file and offset. */
export function sentenceOf({ message }: KvtsError): string {
  return message.endsWith(ADVICE) ? message.slice(0, -ADVICE.length) : message;
}

/** What is wrong with the file of a {@link corruption}, as a clause about it, for whoever is following that advice already. */
export function damageOf(error: KvtsError): string {
  const { file } = error.details;
  const clause = sentenceOf(error);
  return clause.startsWith(`${file} `) ? `it ${clause.slice(`${file} `.length)}` : clause;
}

/**
 * The error for whole bytes in a form that this version does not know: UNIMPLEMENTED, since nothing is damaged, and
 * nothing to be repaired.
 * @param what stands there: "an operation of kind 5".
 */
export function writtenByNewerVersion(file: string, offset: number, what: string): KvtsError {
  return new KvtsError(
    "UNIMPLEMENTED",
    `${file} holds ${what} at byte ${offset}, which a newer version of kvts wrote; open the store with that version.`,
    { details: { file, offset } },
  );
}
