import { join } from "node:path";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";
import { abandonedFailure } from "../../../packages/client/src/failures.ts";
import type { WireCall } from "../../../packages/client/src/wire.ts";
import { foreignFailure } from "./errors.ts";

const protos = join(import.meta.dirname, "../../../packages/api/proto");

/** Numbers of 64 bits as numbers, what is not there left out: as programs of this library mostly have it. */
const definitions = loadSync(["kvts/v1/kv.proto", "kvts/v1/admin.proto"], { includeDirs: [protos], longs: Number });

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>;

/** Unary calls through @grpc/grpc-js, by the proto files alone. */
export class GrpcJsChannel {
  readonly #url: string;
  readonly #client: Client;

  /** @param url of the gRPC port */
  constructor(url: string) {
    this.#url = url;
    this.#client = new Client(new URL(url).host, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
  }

  /** @param method as `KvService/Get` */
  call<Response>(method: string, request: object, { signal, timeoutMs }: WireCall): Promise<Response> {
    const [service, name] = method.split("/") as [string, string];
    const { path, requestSerialize, responseDeserialize } = (definitions[`kvts.v1.${service}`] as Methods)[name]!;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw abandonedFailure(this.#url, signal.reason);
      const abandon = (): void => call.cancel();
      const settle = (error: ServiceError | null, response?: object): void => {
        signal?.removeEventListener("abort", abandon);
        if (error === null) resolve(response as Response);
        else reject(foreignFailure(error, this.#url));
      };
      const deadline = Date.now() + timeoutMs;
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        { deadline },
        settle,
      );
      signal?.addEventListener("abort", abandon, { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}
