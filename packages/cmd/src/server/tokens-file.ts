import { join } from "node:path";

/** Where the tokens of a store's server are: with the store, so that it is never served without them by mistake. */
export function tokensFileOf(dbPath: string): string {
  return join(dbPath, "TOKENS");
}
