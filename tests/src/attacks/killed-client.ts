import { connect, connectHttp } from "@kvts/client";
import type { Store } from "@kvts/common";

/*
 * A client that is to be killed: it keeps both faces busy with reads, lists and watches, and counts up a key whose name it
 * is given, telling on a line each number that was acknowledged.
 */
const [grpcUrl, httpUrl, name] = process.argv.slice(2) as [string, string, string];

async function forever(work: () => Promise<unknown>): Promise<never> {
  // A server in need may refuse what it cannot do at the moment.
  for (;;) await work().catch(() => {});
}

function busy(store: Store): Promise<unknown>[] {
  return [
    forever(() => store.get(name)),
    forever(() => store.scan({}, { limit: 50 }).toArray()),
    forever(async () => {
      for await (const _event of store.watch());
    }),
  ];
}

async function countUp(store: Store): Promise<void> {
  for (let count = 1; ; count++) {
    // A size that changes, so that it is killed at all points of a request.
    const value = `${count} ${"x".repeat((count * 7919) % 50_000)}`;
    const isWritten = await store.put(name, value).then(
      () => true,
      () => false,
    );
    if (isWritten) process.stdout.write(`${count};\n`);
  }
}

const grpc = connect(grpcUrl);
const http = connectHttp(httpUrl);
await Promise.race([countUp(grpc), ...busy(grpc), ...busy(http)]);
