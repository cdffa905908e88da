import type { DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { KvService } from "@kvts/api";
import type { Exchanges } from "../exchanges.ts";
import { type RpcOptions, rpc } from "./call.ts";
import { stepIn, timestampIn } from "./numbers.ts";
import { pipeline } from "./pipeline.ts";
import { commitsIn, pageIn, pageOut } from "./reads.ts";
import { type UnaryMethod, unaryMethods } from "./unary-methods.ts";
import { bucketCodec } from "./versions.ts";
import { watch } from "./watch.ts";

/** kvts.v1.KvService. */
export function kvService(options: RpcOptions, exchanges: Exchanges): ServiceImpl<typeof KvService> {
  return {
    put: unaryRpc(unaryMethods.put, options),
    delete: unaryRpc(unaryMethods.delete, options),
    write: unaryRpc(unaryMethods.write, options),
    get: unaryRpc(unaryMethods.get, options),
    batchGet: unaryRpc(unaryMethods.batchGet, options),
    pipeline: pipeline(exchanges, options),
    watch: watch(exchanges, options),
    scan: unaryRpc(unaryMethods.scan, options),
    listVersions: unaryRpc(unaryMethods.listVersions, options),
    diff: unaryRpc(unaryMethods.diff, options),
    aggregateVersions: rpc("read", options, async (request, { service, signal }) => {
      const asked = {
        key: request.key,
        step: stepIn(request.step),
        from: timestampIn(request.from, "from"),
        to: timestampIn(request.to, "to"),
        ...commitsIn(request),
        ...pageIn(request),
        signal,
      };
      const { items, ...page } = pageOut(await service.aggregate(asked, bucketCodec()), (bucket) => bucket);
      return { buckets: items, ...page };
    }),
  };
}

/** A method of the fast path, as Connect runs it. */
function unaryRpc<M extends DescMethodUnary, A, R>(unary: UnaryMethod<M, A, R>, options: RpcOptions) {
  const { kind, asked, run, message, answer } = unary;
  return rpc(kind, options, async (request: MessageShape<M["input"]>, call, exchange) => {
    const result = await run(asked(request), call);
    if (kind === "read" && answer !== undefined) exchange.holdAnswer(answer.bytes(result));
    return message(result);
  });
}
