import type { FileSystem } from "./env/file-system.ts";
import { lostDirectoryName, parseFileName } from "./format/filenames.ts";

/** What a recovered store needs; every other file of ours is an orphan. */
export interface NeededFiles {
  readonly manifest: number;
  readonly tables: ReadonlySet<number>;
  readonly logs: ReadonlySet<number>;
  readonly requestFiles: ReadonlySet<number>;
  readonly markFiles: ReadonlySet<number>;
  /** Tables and files of range marks with this number or a greater one are newer than the manifest that was found. */
  readonly firstUnknownNumber: number;
  /** The manifest that was found had lost its end. */
  readonly manifestWasTorn: boolean;
  /** What has a lower number is not removed: a repair was setting it aside, and somebody may want it. */
  readonly keepsBelow: number;
}

/**
 * Removes what a crash left behind. A table, or a file of range marks, that the manifest may have named, had it not been damaged or old, is set
 * aside in lost/ instead, and so is everything that a repair had not yet set aside. Both are gone for good when this
 * resolves: one that a power cut brings back would count again for a repair without a manifest.
 * @returns the names set aside
 */
export async function clearOrphans(fileSystem: FileSystem, directory: string, needed: NeededFiles): Promise<string[]> {
  const setAside: string[] = [];
  let removed = 0;
  for (const name of fileSystem.list(directory)) {
    const fate = fateOf(name, needed);
    if (fate === "remove") {
      await fileSystem.remove(`${directory}/${name}`);
      if (countsForRepair(name)) removed++;
    }
    if (fate === "set aside") setAside.push(name);
  }
  if (removed > 0) await fileSystem.syncDirectory(directory);
  await moveToLost(fileSystem, directory, setAside);
  return setAside;
}

/**
 * Removes what means nothing whatever the manifest says, and may take much room: spares, temporary files, the reserve.
 * @returns whether the reserve was there
 */
export async function clearIdle(fileSystem: FileSystem, directory: string): Promise<boolean> {
  const kinds = fileSystem.list(directory).map((name) => ({ name, kind: parseFileName(name)?.kind }));
  for (const { name, kind } of kinds) {
    if (kind === "spare" || kind === "temporary" || kind === "reserve") await fileSystem.remove(`${directory}/${name}`);
  }
  return kinds.some(({ kind }) => kind === "reserve");
}

/** Moves files of `directory` into its lost/. */
export async function moveToLost(fileSystem: FileSystem, directory: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const lost = lostDirectoryName(directory);
  fileSystem.makeDirectory(lost);
  for (const name of names) fileSystem.rename(`${directory}/${name}`, `${lost}/${name}`);
  await fileSystem.syncDirectory(lost);
  await fileSystem.syncDirectory(directory);
}

/** Whether a repair without a manifest would take the file for the store's. */
function countsForRepair(name: string): boolean {
  const kind = parseFileName(name)?.kind;
  return kind === "table" || kind === "marks";
}

function fateOf(name: string, needed: NeededFiles): "keep" | "remove" | "set aside" {
  const file = parseFileName(name);
  if (file === undefined) return "keep";
  const unwanted = file.number < needed.keepsBelow ? "set aside" : "remove";
  switch (file.kind) {
    case "current":
    case "lock":
    case "incomplete":
    case "reserve":
    case "lost":
      return "keep";
    case "manifest":
      return file.number === needed.manifest ? "keep" : unwanted;
    case "log":
      return needed.logs.has(file.number) ? "keep" : unwanted;
    case "requests":
      return needed.requestFiles.has(file.number) ? "keep" : unwanted;
    case "spare":
    case "temporary":
      return "remove";
    case "marks":
    case "table":
      if ((file.kind === "table" ? needed.tables : needed.markFiles).has(file.number)) return "keep";
      return needed.manifestWasTorn || file.number >= needed.firstUnknownNumber ? "set aside" : unwanted;
  }
}
