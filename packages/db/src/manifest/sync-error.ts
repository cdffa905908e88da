import { KvtsError } from "@kvts/common";

/**
 * The manifest may or may not say what was just written to it: nothing that either state names may be removed, and
 * nothing more be written.
 */
export class ManifestSyncError extends KvtsError {
  constructor(cause: unknown) {
    super(
      "READ_ONLY",
      "the manifest could not be put on disk, so the store takes no more writes; " +
        "make sure that the disk is sound, then close and reopen it.",
      { details: { indeterminate: true }, cause },
    );
  }
}
