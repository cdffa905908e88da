import { corruption } from "../format/corruption.ts";
import { parseFileName } from "../format/filenames.ts";
import type { ManifestState } from "../manifest/state.ts";
import type { Findings } from "./findings.ts";

/** Looks at the names in a directory: what nobody needs is told of, what should not be there is a problem. */
export function checkNames(
  directory: string,
  names: readonly string[],
  manifest: ManifestState | undefined,
  findings: Findings,
): void {
  const named = new Set(manifest?.tables.map(({ meta }) => meta.number));
  for (const name of names) {
    const path = `${directory}/${name}`;
    const file = parseFileName(name);
    switch (file?.kind) {
      case undefined:
        findings.unknown(path);
        break;
      case "manifest":
        if (manifest !== undefined && file.number !== manifest.manifestNumber) {
          findings.unneeded(path, "another manifest is in force");
        }
        break;
      case "table":
        if (manifest !== undefined && !named.has(file.number)) {
          checkStranger("table", path, file.number, manifest, findings);
        }
        break;
      case "requests":
        if (manifest !== undefined && manifest.numbers.requestFiles?.includes(file.number) !== true) {
          findings.unneeded(path, "the manifest does not name it");
        }
        break;
      case "marks":
        if (manifest !== undefined && manifest.numbers.markFiles?.includes(file.number) !== true) {
          checkStranger("marks", path, file.number, manifest, findings);
        }
        break;
      case "spare":
      case "temporary":
        findings.unneeded(path, "its contents mean nothing");
        break;
    }
  }
}

/** Nothing writes such a file under a number that the manifest does not know to be given out. */
function checkStranger(
  role: "table" | "marks",
  path: string,
  number: number,
  { numbers, tornBytes }: ManifestState,
  findings: Findings,
): void {
  if (number < numbers.nextFileNumber || tornBytes > 0) {
    findings.unneeded(path, "the manifest does not name it");
  } else {
    findings.add(corruption(path, 0, "it is newer than the manifest, which does not know of it"));
    findings.read(role, path, 0, 0);
  }
}
