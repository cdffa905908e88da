import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";
import { onTestFinished } from "vitest";

/*
 * A client that shares no code with ours: @grpc/grpc-js, and proto files as others publish them.
 */

const { resolve } = createRequire(import.meta.url);

function packageFile(name: string, path: string): string {
  return join(dirname(resolve(`${name}/package.json`)), path);
}

const kvtsProtos = join(import.meta.dirname, "../../../api/proto");

/** Proto files, by service. */
const files: Readonly<Record<string, string>> = {
  "grpc.health.v1.Health": packageFile("grpc-health-check", "proto/health/v1/health.proto"),
  "grpc.reflection.v1.ServerReflection": packageFile(
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1/reflection.proto",
  ),
  "grpc.reflection.v1alpha.ServerReflection": packageFile(
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1alpha/reflection.proto",
  ),
  "kvts.v1.KvService": join(kvtsProtos, "kvts/v1/kv.proto"),
  "kvts.v1.AdminService": join(kvtsProtos, "kvts/v1/admin.proto"),
};

/** A message as grpc-js has it: a plain object, numbers of 64 bits as text. */
export interface Plain {
  readonly [field: string]: Plain;
}

export interface ForeignService {
  /** @throws ServiceError */
  call(method: string, request: object, metadata?: Metadata): Promise<Plain>;
  /** Calls a method of any name with an empty message. @throws ServiceError */
  callPath(path: string): Promise<Plain>;
  /** Sends `requests` and leaves the stream open; gives answers one by one. */
  stream(method: string, requests: readonly object[]): ForeignStream;
}

export interface ForeignStream {
  /** The next message, or the end. @throws ServiceError */
  next(): Promise<IteratorResult<Plain>>;
  cancel(): void;
}

/** @param url of the gRPC port */
export function foreignService(url: string, service: string, secure?: ChannelCredentials): ForeignService {
  const definition = loadSync(files[service]!, { includeDirs: [kvtsProtos], longs: String, defaults: true });
  const methods = definition[service] as Readonly<Record<string, MethodDefinition<object, object>>>;
  const client = new Client(new URL(url).host, secure ?? credentials.createInsecure());
  onTestFinished(() => client.close());
  const unary = (path: string, request: Buffer, read: (bytes: Buffer) => object, metadata = new Metadata()) =>
    new Promise<Plain>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        read,
        request,
        metadata,
        (error, response) => (error === null ? resolve(response as Plain) : reject(error)),
      );
    });
  return {
    call(name, request, metadata) {
      const { path, requestSerialize, responseDeserialize } = methods[name]!;
      return unary(path, requestSerialize(request), responseDeserialize, metadata);
    },
    callPath: (path) => unary(path, Buffer.alloc(0), (bytes) => bytes),
    stream(name, requests) {
      const { path, requestSerialize, responseDeserialize } = methods[name]!;
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      for (const request of requests) call.write(request);
      // A method that takes one message alone waits for its end.
      if (!methods[name]!.requestStream) call.end();
      const messages = (call as AsyncIterable<Plain>)[Symbol.asyncIterator]();
      onTestFinished(() => call.cancel());
      return { next: () => messages.next(), cancel: () => call.cancel() };
    },
  };
}
