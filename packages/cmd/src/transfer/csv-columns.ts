import type { VersionJson } from "@kvts/common";

/** The columns of a CSV file that `kvts export` writes: the fields of a version object. */
export const exportedColumns: readonly (keyof VersionJson)[] = [
  "key",
  "keyBase64",
  "timestamp",
  "time",
  "seq",
  "expiresAt",
  "deleted",
  "value",
  "valueBase64",
];
