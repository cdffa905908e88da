import { KvtsError } from "@kvts/common";

/**
 * The error for bytes that cannot be what kvts wrote.
 * @param offset where in the file the damaged structure begins, in bytes.
 * @param problem what is wrong there, as a clause without a full stop: "its checksum does not match".
 */
export function corruption(file: string, offset: number, problem: string): KvtsError {
  return new KvtsError(
    "CORRUPTION",
    `${file} is damaged at byte ${offset}: ${problem}; restore it from a backup, or save what is whole with "kvts repair".`,
    { details: { file, offset } },
  );
}
