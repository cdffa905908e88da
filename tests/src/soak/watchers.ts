import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect } from "@kvts/client";
import { startServer } from "../spawned-server.ts";
import { mib, residentBytes } from "./memory.ts";
import { watchersOverGrpc, watchersOverHttp } from "./raw-watchers.ts";

const USAGE = `just watchers               measures what a server's memory is with many watches
  --watchers N              how many, each of a range of its own; 10000 unless given
  --face grpc | http        over which they come; grpc unless given. Over HTTP each takes a connection, of which a server
                            takes 4096
  --json                    prints the report as JSON
`;

export interface WatchersReport {
  readonly watchers: number;
  readonly face: string;
  /** Resident bytes of the server: without watches, with all of them, and with an event sent to each. */
  readonly bytesBefore: number;
  readonly bytesWatched: number;
  readonly bytesTold: number;
  /** Events that came, one for each watch where all is well. */
  readonly events: number;
}

/** Operations of one batch. */
const batchMax = 1000;

async function measure(count: number, face: string): Promise<WatchersReport> {
  const directory = await mkdtemp(join(tmpdir(), "kvts-watchers-"));
  await using server = await startServer({ dbPath: directory, flags: ["--log-level", "warn"] });
  try {
    await using store = connect(server.grpcUrl);
    await store.put("warm", "up");
    const resident = (): number => residentBytes(server.pid) ?? 0;
    const bytesBefore = resident();
    const watchers =
      face === "http" ? await watchersOverHttp(server.httpUrl, count) : await watchersOverGrpc(server.grpcUrl, count);
    const bytesWatched = resident();
    for (let from = 0; from < count; from += batchMax) {
      const keys = Array.from({ length: Math.min(batchMax, count - from) }, (_, i) => `w${from + i}/key`);
      await store.write(keys.map((key) => ({ op: "put", key, value: "told" })));
    }
    const events = await watchers.told();
    const bytesTold = resident();
    watchers.close();
    return { watchers: count, face, bytesBefore, bytesWatched, bytesTold, events };
  } finally {
    await server.stop("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
}

function print(report: WatchersReport): void {
  const { watchers, face, bytesBefore, bytesWatched, bytesTold, events } = report;
  const each = (bytesWatched - bytesBefore) / watchers / 1024;
  console.log(
    `${watchers} watches over ${face}: ${mib(bytesWatched)}, ${mib(bytesTold)} with ${events} events sent; ${mib(bytesBefore)} without; ${each.toFixed(1)} KiB each`,
  );
}

const { values } = parseArgs({
  options: {
    watchers: { type: "string", default: "10000" },
    face: { type: "string", default: "grpc" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help || !/^\d+$/.test(values.watchers) || !/^(?:grpc|http)$/.test(values.face)) {
  console.log(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else {
  const report = await measure(Number(values.watchers), values.face);
  if (values.json) console.log(JSON.stringify(report));
  else print(report);
}
