import { KvtsError } from "@kvts/common";

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

/** What is wrong with the file of a {@link corruption}, as a clause about it, for whoever is following that advice already. */
export function damageOf(error: KvtsError): string {
  const { file } = error.details;
  const { message } = error;
  const clause = message.endsWith(ADVICE) ? message.slice(0, -ADVICE.length) : message;
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
