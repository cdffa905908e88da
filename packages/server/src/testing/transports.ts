import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { Server } from "../serve.ts";

/** One way to reach the methods: protocol, HTTP version and so port, and encoding. */
export interface Way {
  readonly name: string;
  open(server: Pick<Server, "grpcUrl" | "httpUrl">): Transport;
}

const factories = {
  grpc: createGrpcTransport,
  "grpc-web": createGrpcWebTransport,
  connect: createConnectTransport,
} as const;

function way(protocol: keyof typeof factories, httpVersion: "1.1" | "2", useBinaryFormat: boolean): Way {
  return {
    name: `${protocol}, HTTP/${httpVersion}, ${useBinaryFormat ? "binary" : "JSON"}`,
    open({ grpcUrl, httpUrl }) {
      const options = { httpVersion, useBinaryFormat, baseUrl: httpVersion === "2" ? grpcUrl : httpUrl };
      return factories[protocol](options);
    },
  };
}

/** gRPC needs the trailers of HTTP/2; the others work on both ports. */
export const ways: readonly Way[] = [true, false].flatMap((binary) => [
  way("grpc", "2", binary),
  way("grpc-web", "2", binary),
  way("connect", "2", binary),
  way("grpc-web", "1.1", binary),
  way("connect", "1.1", binary),
]);

export const grpcWay: Way = ways[0]!;
