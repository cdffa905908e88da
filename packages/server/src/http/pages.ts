import type { Page } from "../service/page.ts";
import { jsonTextReply, type Reply } from "./reply.ts";

/** What a query says about pages, and the snapshot that they are of. */
export interface PageQuery {
  readonly pageSize?: string | undefined;
  readonly pageToken?: string | undefined;
  readonly snapshot?: string | undefined;
}

export function pageIn({ pageSize, pageToken, snapshot }: PageQuery): {
  pageSize: number | undefined;
  pageToken: string | undefined;
  snapshot: string | undefined;
} {
  return { pageSize: pageSize === undefined ? undefined : Number(pageSize), pageToken, snapshot };
}

/** A page whose items are JSON texts. */
export function pageReply({ items, nextPageToken, seq }: Page<string>): Reply {
  // Tokens are base64url: they need no escaping.
  const next = nextPageToken === undefined ? "" : `"nextPageToken":"${nextPageToken}",`;
  return jsonTextReply(`{"items":[${items.join(",")}],${next}"seq":${seq}}`, { "cache-control": "no-cache" });
}
