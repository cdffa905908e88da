import type { Db, OpenOptions } from "@kvts/db";
import type { AsyncReads, Contender, ContenderOptions, OpenContender, Row, SyncReads } from "./contender.ts";

/** kvts with its default settings. */
export const kvts: Contender = {
  name: "kvts",
  async open(options) {
    const { open } = await import("@kvts/db");
    return opened(await open(options.directory, openOptions(options)));
  },
};

function openOptions({ durability, memoryBytes, keepsLogs }: ContenderOptions): OpenOptions<"string"> {
  return { durability, memoryBytes, ...(keepsLogs && { components: { runner: idleRunner } }) };
}

/** Begins every flush and ends none, so that memtables and their logs stay full. */
const idleRunner: NonNullable<OpenOptions["components"]>["runner"] & object = {
  run: () => new Promise(() => {}),
  close: async () => {},
};

interface Amplifications {
  readonly writes: { readonly amplification: number };
  readonly tables: { readonly spaceAmplification: number };
}

function opened(db: Db): OpenContender {
  return {
    sync: syncReads(db),
    async: asyncReads(db),
    put: ({ key, value, timestamp }) => db.put(key, value, { timestamp }),
    async load(batches) {
      for (const batch of batches) await db.write(batch);
    },
    async amplification() {
      const { writes, tables } = (await db.stats()) as unknown as Amplifications;
      return { write: writes.amplification, space: tables.spaceAmplification };
    },
    compact: () => db.compact(),
    close: () => db.close(),
  };
}

function syncReads(db: Db): SyncReads {
  return {
    newest: (key) => db.getSync(key)?.value,
    asOf: (key, asOf) => db.getSync(key, { asOf })?.value,
    history(key) {
      const values: Uint8Array[] = [];
      for (const version of db.history(key)) if (!version.deleted) values.push(version.value);
      return values;
    },
    scan(start, end, asOf) {
      const rows: Row[] = [];
      for (const entry of db.scan({ start, end }, { asOf })) rows.push(entry);
      return rows;
    },
  };
}

function asyncReads(db: Db): AsyncReads {
  return {
    newest: (key) => db.get(key),
    asOf: (key, asOf) => db.get(key, { asOf }),
    async history(key) {
      const values: Uint8Array[] = [];
      for await (const version of db.history(key)) if (!version.deleted) values.push(version.value);
      return values;
    },
    async scan(start, end, asOf) {
      const rows: Row[] = [];
      for await (const entry of db.scan({ start, end }, { asOf })) rows.push(entry);
      return rows;
    },
  };
}
