import { loadPackage } from "../stores/load-package.ts";
import { ChildServer, freePort } from "./child-server.ts";
import type { Client, Contender } from "./contender.ts";

/** The part of `etcd3` that is used here. */
interface Etcd {
  put(key: string): { value(value: Buffer): { exec(): Promise<unknown> } };
  get(key: string): { buffer(): Promise<Buffer | null> };
  close(): void;
}
interface EtcdPackage {
  readonly Etcd3: new (options: { hosts: string }) => Etcd;
}

/** Each key's newest value alone: etcd knows revisions of the whole store, and no timestamps to ask by. */
export const etcd: Contender = {
  name: "etcd",
  async start(directory) {
    const { Etcd3 } = await loadPackage<EtcdPackage>("etcd3");
    const [port, peerPort] = [await freePort(), await freePort()];
    const [url, peerUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
    const server = await ChildServer.start(
      ["etcd", "--data-dir", directory, "--listen-client-urls", url, "--advertise-client-urls", url]
        .concat(["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl])
        .concat(["--initial-cluster", `default=${peerUrl}`, "--logger", "zap"]) as [string, ...string[]],
      port,
      "install Debian's etcd-server",
    );
    const open = (): Etcd => new Etcd3({ hosts: url });
    return {
      connect: () => Promise.resolve(clientOf(open())),
      async load(dataset) {
        const client = open();
        let next = 0;
        const loader = async (): Promise<void> => {
          for (let index = next++; index < dataset.keys; index = next++) {
            const value = Buffer.from(dataset.value(index, dataset.versions - 1));
            await client.put(dataset.key(index)).value(value).exec();
          }
        };
        await Promise.all(Array.from({ length: 64 }, loader));
        client.close();
      },
      stop: () => server.stop(),
    };
  },
};

function clientOf(client: Etcd): Client {
  return {
    put: ({ key, value }) => client.put(key).value(Buffer.from(value)).exec(),
    newest: async (key) => (await client.get(key).buffer()) ?? undefined,
    close: () => Promise.resolve(client.close()),
  };
}
