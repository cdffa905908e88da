import { lostDirectoryName } from "../format/filenames.ts";
import type { Recovered } from "../recovered.ts";

/** Names of the files in `lost/`. */
export function filesSetAside({ directory, settings }: Pick<Recovered, "directory" | "settings">): string[] {
  const { fileSystem } = settings.components;
  const lost = lostDirectoryName(directory);
  return fileSystem.exists(lost) ? fileSystem.list(lost) : [];
}
