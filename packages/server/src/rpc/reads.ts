import type { Page } from "../service/page.ts";
import { numberOut, pageSizeIn, seqIn, textIn, timestampIn } from "./numbers.ts";

/** Which commits a read sees. */
interface CommitsFields {
  readonly atSeq?: bigint | undefined;
  readonly snapshot: string;
}

export function commitsIn({ atSeq, snapshot }: CommitsFields): {
  atSeq: number | undefined;
  snapshot: string | undefined;
} {
  return { atSeq: seqIn(atSeq, "at_seq"), snapshot: textIn(snapshot) };
}

/** And at which moment it looks. */
interface ViewFields extends CommitsFields {
  readonly asOf?: bigint | undefined;
}

export function viewIn(fields: ViewFields): { asOf: number | undefined } & ReturnType<typeof commitsIn> {
  return { asOf: timestampIn(fields.asOf, "as_of"), ...commitsIn(fields) };
}

interface PageFields {
  readonly pageSize: number;
  readonly pageToken: string;
}

export function pageIn({ pageSize, pageToken }: PageFields): { pageSize: number; pageToken: string | undefined } {
  return { pageSize: pageSizeIn(pageSize), pageToken: textIn(pageToken) };
}

export function pageOut<T, I>(
  { items, nextPageToken, seq }: Page<T>,
  encode: (item: T) => I,
): { items: I[]; nextPageToken: string; seq: bigint } {
  return { items: items.map(encode), nextPageToken: nextPageToken ?? "", seq: numberOut(seq) };
}
