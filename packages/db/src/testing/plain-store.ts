import { MemoryFileSystem } from "./memory-file-system.ts";
import { TestStore, type TestStoreOptions } from "./test-store.ts";
import type { StoreSettings } from "./tiny-options.ts";

/** A new store in memory, open, with small buffers and nothing else out of the ordinary. */
export async function openPlainStore(
  settings: Partial<StoreSettings> = {},
  options: Partial<TestStoreOptions> = {},
): Promise<TestStore> {
  const store = new TestStore({
    fileSystem: new MemoryFileSystem(),
    settings: {
      keys: "bytes",
      compression: "none",
      memtableBytes: 256 * 1024,
      blockCacheBytes: 64 * 1024,
      tuning: {},
      ...settings,
    },
    ...options,
  });
  await store.open();
  return store;
}
