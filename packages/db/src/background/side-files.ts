import type { VersionEdit } from "../manifest/version-edit.ts";

/** Files that have been written beside the tables of a flush, for the same edit of the manifest to name. */
export interface SavedSideFiles {
  readonly edit: Pick<VersionEdit, "requestFiles" | "markFiles">;
  /** The edit is on disk. */
  installed(): Promise<void>;
  /** The edit has failed. */
  abandoned(): Promise<void>;
}

/** What one owner of such files has written; undefined for nothing. */
type Saved = (SavedSideFiles["edit"] & Omit<SavedSideFiles, "edit">) | undefined;

/** Has each of the owners write its files. Where one fails, what the others have written comes to nothing. */
export async function saveSideFiles(owners: readonly (() => Promise<Saved>)[]): Promise<SavedSideFiles> {
  const saved: Exclude<Saved, undefined>[] = [];
  try {
    for (const save of owners) {
      const one = await save();
      if (one !== undefined) saved.push(one);
    }
  } catch (error) {
    for (const { abandoned } of saved) await abandoned();
    throw error;
  }
  let edit: SavedSideFiles["edit"] = {};
  for (const { installed, abandoned, ...named } of saved) edit = { ...edit, ...named };
  return {
    edit,
    async installed() {
      for (const { installed } of saved) await installed();
    },
    async abandoned() {
      for (const { abandoned } of saved) await abandoned();
    },
  };
}
