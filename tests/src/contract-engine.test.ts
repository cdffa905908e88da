import { type OpenOptions, open } from "@kvts/db";
import { type OpenedStore, storeContract } from "./contract.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./server-process.ts";

async function openNew(options: OpenOptions<"string">): Promise<OpenedStore> {
  return openedAt(await temporaryDirectory(), options);
}

async function openedAt(directory: TemporaryDirectory, options: OpenOptions<"string">): Promise<OpenedStore> {
  const store = await open(directory.path, options);
  return {
    store,
    bytes: store.with({ keys: "bytes" }),
    hosted: store,
    async reopen() {
      await store.close();
      return openedAt(directory, options);
    },
    async close() {
      await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const everything = { farFuture: true, largeValues: true, hosted: true, reopens: true } as const;

storeContract("the engine", { ...everything, open: () => openNew({}) });

/** So little memory that what the tests write is flushed and merged while they run. */
storeContract("the engine with little memory", {
  ...everything,
  open: () => openNew({ memtableBytes: 256 * 1024, blockCacheBytes: 64 * 1024, compression: "zstd" }),
});
