import { logFileName, parseFileName } from "../../format/filenames.ts";
import {
  FRAME_DURABLE_OFFSET,
  FRAME_DURABLE_SEGMENT,
  FRAME_HEADER_BYTES,
  FRAME_SEGMENT,
  LOG_START,
  type LogPosition,
} from "../../wal/format.ts";
import { isAfter } from "../../wal/segment-reader.ts";
import type { MemoryFileSystem } from "../memory-file-system.ts";
import { partsOf } from "./file-parts.ts";
import { filesOfKind, type StoreImage } from "./store-image.ts";

/**
 * How many of an image's last batches may be gone from a damaged copy without a word: those whose frames no frame that is
 * still there tells to have been on disk. Told from the bytes of the undamaged image, not by the reader that is tested.
 */
export function tornBatchesMax(image: StoreImage, damaged: MemoryFileSystem): number {
  const frames = framesOf(image);
  let proven: LogPosition = LOG_START;
  for (const { place, header, mark } of frames) {
    const path = logFileName(image.directory, place.segment);
    const bytes = damaged.exists(path) ? damaged.contents(path) : new Uint8Array(0);
    const there = bytes.subarray(place.offset, place.offset + FRAME_HEADER_BYTES);
    if (Buffer.compare(there, header) === 0 && isAfter(mark, proven)) proven = mark;
  }
  return frames.filter(({ place }) => !isAfter(proven, place)).length;
}

interface ImageFrame {
  readonly place: LogPosition;
  readonly header: Uint8Array;
  /** How far it says that the log was on disk. */
  readonly mark: LogPosition;
}

/** The frames of an image, each of which holds one batch. */
function framesOf(image: StoreImage): readonly ImageFrame[] {
  return image.answers.remembered("frames", () =>
    filesOfKind(image, "log").flatMap((name) => {
      const segment = parseFileName(name)!.number;
      const bytes = image.fileSystem.contents(`${image.directory}/${name}`);
      const view = new DataView(bytes.buffer);
      return partsOf(name, bytes).flatMap(({ offset }): ImageFrame[] => {
        const word = (at: number) => view.getUint32(offset + at * 4, true);
        // Behind the last frame stand those of the file's earlier life.
        if (word(FRAME_SEGMENT) !== segment) return [];
        return [
          {
            place: { segment, offset },
            header: bytes.slice(offset, offset + FRAME_HEADER_BYTES),
            mark: { segment: word(FRAME_DURABLE_SEGMENT), offset: word(FRAME_DURABLE_OFFSET) },
          },
        ];
      });
    }),
  );
}
