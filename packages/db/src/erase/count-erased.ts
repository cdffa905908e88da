import type { EraseResult, ResolvedRange } from "@kvts/common";
import type { ReadSource } from "../read/read-source.ts";
import { countTrimmed, EVERYTHING } from "../read/trim-count.ts";
import type { Recovered } from "../recovered.ts";
import { Erasures } from "./erasures.ts";
import { filesSetAside } from "./set-aside.ts";

/** What an erasure of the range would do at this moment. It reads all of it. @throws CANCELLED */
export async function countErased(
  parts: Recovered,
  source: ReadSource,
  { start, end }: ResolvedRange,
  signal: AbortSignal | undefined,
): Promise<EraseResult> {
  const seq = source.seq() + 1;
  const { versions: removed } = await countTrimmed(source, { start, end }, EVERYTHING, signal);
  const erasures = Erasures.of([{ start, end, seq }])!;
  const tables = parts.versions.current.tables().filter(({ file: { meta } }) => erasures.mayBeIn(meta, 0));
  return {
    seq,
    removed,
    tablesRewritten: tables.length,
    bytesRewritten: tables.reduce((sum, { file }) => sum + file.meta.fileBytes, 0),
    setAside: filesSetAside(parts),
    checkpoints: [],
  };
}
