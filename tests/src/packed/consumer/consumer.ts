// Compiled, never run: the published types resolve, and say something.
import { connect } from "@kvts/client";
import { connectHttp } from "@kvts/client/http";
import type { Store } from "@kvts/common";
import { open } from "@kvts/db";
import { serve } from "@kvts/server";

/** `never` for a type that was lost on the way and became `any`. */
type Known<T> = 0 extends 1 & T ? never : T;

export const entrances: readonly [
  Known<typeof open>,
  Known<typeof connect>,
  Known<typeof connectHttp>,
  Known<typeof serve>,
] = [open, connect, connectHttp, serve];

export const embedded: (directory: string) => Promise<Store> = (directory) => open(directory);

export async function newestText(store: Store, key: string): Promise<string | undefined> {
  return (await store.get(key))?.text();
}
