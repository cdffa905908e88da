import type { FileSystem } from "../env/file-system.ts";
import type { LogPosition } from "../wal/format.ts";
import { GroupEncoder } from "../wal/group-encoder.ts";
import { type LogContents, readLog } from "../wal/log-reader.ts";
import { LogWriter, type LogWriterOptions } from "../wal/log-writer.ts";
import { encodeBatch, type LoggedBatch, readBatches } from "./log-records.ts";

export const TEST_DIRECTORY = "d";
export const TEST_INCARNATION: string = "0123456789abcdef".repeat(2);

/** One frame as a test remembers it, or as it was read back. */
export interface LoggedGroup {
  readonly segment: number;
  readonly firstSeq: number;
  readonly batches: readonly LoggedBatch[];
}

/** A log being written by a test, which keeps track of what was appended. */
export class TestLog {
  readonly writer: LogWriter;
  /** What append took, in order, and where each frame began. */
  readonly groups: (LoggedGroup & { readonly offset: number; readonly durable: LogPosition })[] = [];
  nextSeq: number;
  readonly #encoder: GroupEncoder = new GroupEncoder();

  private constructor(writer: LogWriter, nextSeq: number) {
    this.writer = writer;
    this.nextSeq = nextSeq;
  }

  /** @param options `takeFileNumber` counts from `firstNumber` where it is not given. */
  static async start(
    fileSystem: FileSystem,
    end: LogPosition,
    options: Partial<LogWriterOptions> & { firstNumber?: number; firstSeq?: number } = {},
  ): Promise<TestLog> {
    let number = options.firstNumber ?? 1;
    const writer = await LogWriter.start(
      {
        fileSystem,
        directory: TEST_DIRECTORY,
        incarnation: TEST_INCARNATION,
        segmentBytes: 4096,
        growthBytes: 0,
        sparesMax: 2,
        takeFileNumber: () => number++,
        ...options,
      },
      end,
    );
    return new TestLog(writer, options.firstSeq ?? 1);
  }

  /** Appends one frame, in a new segment where it does not fit. Where that fails, its seqs are used up all the same. */
  async append(...batches: LoggedBatch[]): Promise<void> {
    const { writer } = this;
    const encoder = this.#encoder;
    encoder.reset();
    for (const batch of batches) encodeBatch(encoder, batch);
    const firstSeq = this.nextSeq;
    this.nextSeq += encoder.operationCount;
    if (!writer.fits(encoder.bytes)) writer.rotate(encoder.bytes);
    const { segment, offset } = writer;
    const durable = { segment: writer.durableSegment, offset: writer.durableOffset };
    await writer.append(encoder.seal(writer, firstSeq));
    this.groups.push({ segment, offset, durable, firstSeq, batches });
  }
}

/** Everything that recovery would find. */
export async function readGroups(
  fileSystem: FileSystem,
  logNumber: number,
  incarnation: string = TEST_INCARNATION,
  durable?: LogPosition,
): Promise<LogContents & { readonly groups: LoggedGroup[] }> {
  const groups: LoggedGroup[] = [];
  const source = { fileSystem, directory: TEST_DIRECTORY, incarnation, logNumber, durable };
  const contents = await readLog(source, (frame) => {
    const segment = Number(/(\d+)\.log$/.exec(frame.file)![1]);
    groups.push({ segment, firstSeq: frame.firstSeq, batches: readBatches(frame).batches });
  });
  return { ...contents, groups };
}

/** A group without what only its writer knows, for comparison with what was read. */
export function plainGroup({ segment, firstSeq, batches }: LoggedGroup): LoggedGroup {
  return { segment, firstSeq, batches };
}
