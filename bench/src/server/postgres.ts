import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { loadPackage } from "../stores/load-package.ts";
import { ChildServer, freePort } from "./child-server.ts";
import type { Client, Contender, Written } from "./contender.ts";
import { inBatches } from "./in-batches.ts";

interface Pool {
  query(query: { name: string; text: string; values: readonly unknown[] }): Promise<{ rows: { value: Buffer }[] }>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}
interface PgPackage {
  readonly default: { readonly Pool: new (options: object) => Pool };
}

/** Connections; more did not help on two cores. */
const connections = 16;
const run = promisify(execFile);
const advice = "install Debian's postgresql";

/** A table of versions with the primary key (key, ts), named prepared statements, and a sync for every commit. */
export const postgres: Contender = {
  name: "postgres",
  async start(directory) {
    const { default: pg } = await loadPackage<PgPackage>("pg");
    const programs = programsDirectory();
    const data = join(directory, "pg");
    await mkdir(data, { recursive: true });
    const as = await owner(directory, data);
    await run(as[0], [...as.slice(1), join(programs, "initdb"), "-D", data, "-A", "trust", "-U", "bench"]);
    const port = await freePort();
    const flags = ["-D", data, "-p", String(port), "-k", "", "-c", "listen_addresses=127.0.0.1"];
    const server = await ChildServer.start([as[0], ...as.slice(1), join(programs, "postgres"), ...flags], port, advice);
    const open = (): Pool =>
      new pg.Pool({ host: "127.0.0.1", port, user: "bench", database: "postgres", max: connections });
    const pool = open();
    try {
      await ready(pool);
      await pool.query('create table versions (key text collate "C", ts bigint, value bytea, primary key (key, ts))');
    } catch (error) {
      await pool.end();
      await server.stop();
      throw error;
    }
    return {
      connect: () => Promise.resolve(clientOf(open())),
      load: (dataset) => inBatches(dataset, 1000, (batch) => insert(pool, batch)),
      async stop() {
        await pool.end();
        await server.stop();
      },
    };
  },
};

/** The programs of the newest version; they are not on the PATH. */
function programsDirectory(): string {
  const base = "/usr/lib/postgresql";
  try {
    const [newest] = readdirSync(base).toSorted((a, b) => Number(b) - Number(a));
    if (newest !== undefined) return join(base, newest, "bin");
  } catch {
    // Told below.
  }
  throw new Error(`postgres is not here; ${advice}`);
}

/** Postgres does not run as root: then its own user does, in folders of its own. */
async function owner(directory: string, data: string): Promise<readonly [string, ...string[]]> {
  if (process.getuid?.() !== 0) return ["env"];
  const id = async (flag: string): Promise<number> => Number((await run("id", [flag, "postgres"])).stdout);
  const [uid, gid] = [await id("-u"), await id("-g")];
  await chown(directory, uid, gid);
  await chown(data, uid, gid);
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

const readyTries = 100;

/** It listens before it takes queries. */
async function ready(pool: Pool): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await pool.query("select 1");
      return;
    } catch (error) {
      if (tries === readyTries) throw error;
      await sleep(100);
    }
  }
}

let last = 0;
/** Microseconds, no two alike. */
function now(): number {
  last = Math.max(last + 1, Date.now() * 1000);
  return last;
}

function insert(pool: Pool, batch: readonly Written[]): Promise<unknown> {
  return pool.query({
    name: "insert",
    text: "insert into versions select * from unnest($1::text[], $2::bigint[], $3::bytea[])",
    values: [
      batch.map(({ key }) => key),
      batch.map(({ timestamp = now() }) => timestamp),
      batch.map(({ value }) => Buffer.from(value)),
    ],
  });
}

function clientOf(pool: Pool): Client {
  const values = async (name: string, text: string, ...args: unknown[]): Promise<readonly Uint8Array[]> =>
    (await pool.query({ name, text, values: args })).rows.map(({ value }) => value);
  const newest = "select value from versions where key = $1 order by ts desc limit 1";
  const asOf = "select value from versions where key = $1 and ts <= $2 order by ts desc limit 1";
  const history = "select value from versions where key = $1 order by ts desc";
  return {
    put: ({ key, value, timestamp = now() }) =>
      values("put", "insert into versions values ($1, $2, $3)", key, timestamp, Buffer.from(value)),
    putBatch: (batch) => insert(pool, batch),
    newest: async (key) => (await values("newest", newest, key))[0],
    asOf: async (key, moment) => (await values("asOf", asOf, key, moment))[0],
    history: (key) => values("history", history, key),
    close: () => pool.end(),
  };
}
