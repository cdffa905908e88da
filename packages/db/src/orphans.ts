import type { FileSystem } from "./env/file-system.ts";
import { lostDirectoryName, parseFileName } from "./format/filenames.ts";

/** What a recovered store needs; every other file of ours is an orphan. */
export interface NeededFiles {
  readonly manifest: number;
  readonly tables: ReadonlySet<number>;
  readonly logs: ReadonlySet<number>;
  /** Tables with this number or a greater one are newer than the manifest that was found. */
  readonly firstUnknownNumber: number;
  /** The manifest that was found had lost its end. */
  readonly manifestWasTorn: boolean;
}

/**
 * Removes what a crash left behind. A table that the manifest may have named, had it not been damaged or old, is set
 * aside in lost/ instead.
 * @returns the names set aside
 */
export async function clearOrphans(fileSystem: FileSystem, directory: string, needed: NeededFiles): Promise<string[]> {
  const setAside: string[] = [];
  for (const name of fileSystem.list(directory)) {
    const fate = fateOf(name, needed);
    if (fate === "remove") await fileSystem.remove(`${directory}/${name}`);
    if (fate === "set aside") {
      fileSystem.makeDirectory(lostDirectoryName(directory));
      fileSystem.rename(`${directory}/${name}`, `${lostDirectoryName(directory)}/${name}`);
      setAside.push(name);
    }
  }
  if (setAside.length > 0) await fileSystem.syncDirectory(directory);
  return setAside;
}

function fateOf(name: string, needed: NeededFiles): "keep" | "remove" | "set aside" {
  const file = parseFileName(name);
  if (file === undefined) return "keep";
  switch (file.kind) {
    case "current":
    case "lock":
    case "lost":
      return "keep";
    case "manifest":
      return file.number === needed.manifest ? "keep" : "remove";
    case "log":
      return needed.logs.has(file.number) ? "keep" : "remove";
    case "spare":
    case "temporary":
      return "remove";
    case "table":
      if (needed.tables.has(file.number)) return "keep";
      return needed.manifestWasTorn || file.number >= needed.firstUnknownNumber ? "set aside" : "remove";
  }
}
