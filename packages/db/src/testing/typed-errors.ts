import { isKvtsError } from "@kvts/common";

/** What `promise` fails with, if it does; anything without a code of ours is a bug. */
export async function typed(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    expectTyped(error);
    return error;
  }
}

/** Whether the operating system, or what stands for it, refused a call. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/** Throws what is no error of ours, or one that tells of a fault of the engine. */
export function expectTyped(error: unknown): void {
  if (!isKvtsError(error) || error.code === "INTERNAL") throw error;
}
