import type { Page } from "../service/page.ts";
import { numberOut, pageSizeIn, seqIn, textIn, timestampIn } from "./numbers.ts";

/** At which moment, and which commit, a read looks. */
interface ViewFields {
  readonly asOf?: bigint | undefined;
  readonly atSeq?: bigint | undefined;
}

export function viewIn({ asOf, atSeq }: ViewFields): { asOf: number | undefined; atSeq: number | undefined } {
  return { asOf: timestampIn(asOf, "as_of"), atSeq: seqIn(atSeq, "at_seq") };
}

interface PageFields {
  readonly pageSize: number;
  readonly pageToken: string;
}

export function pageIn({ pageSize, pageToken }: PageFields): { pageSize: number; pageToken: string | undefined } {
  return { pageSize: pageSizeIn(pageSize), pageToken: textIn(pageToken) };
}

export function pageOut<I>({ items, nextPageToken, seq }: Page<I>): {
  items: I[];
  nextPageToken: string;
  seq: bigint;
} {
  return { items: [...items], nextPageToken: nextPageToken ?? "", seq: numberOut(seq) };
}
