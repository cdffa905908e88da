import type { DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { KvService } from "@kvts/api";
import { type RpcOptions, rpc } from "./call.ts";
import { seqIn, stepIn, timestampIn } from "./numbers.ts";
import { rangeIn } from "./operations.ts";
import { pageIn, pageOut, viewIn } from "./reads.ts";
import { type UnaryMethod, unaryMethods } from "./unary-methods.ts";
import { bucketCodec, changeCodec, versionCodec } from "./versions.ts";

/** kvts.v1.KvService. */
export function kvService(options: RpcOptions): ServiceImpl<typeof KvService> {
  return {
    put: unaryRpc(unaryMethods.put, options),
    delete: unaryRpc(unaryMethods.delete, options),
    write: unaryRpc(unaryMethods.write, options),
    get: unaryRpc(unaryMethods.get, options),
    batchGet: unaryRpc(unaryMethods.batchGet, options),
    scan: rpc("read", options, async (request, { service, signal, encoding }) => {
      const { reverse, includeDeleted } = request;
      const range = rangeIn(request.range);
      const asked = { range, reverse, includeDeleted, ...viewIn(request), ...pageIn(request), signal };
      const { items, ...page } = pageOut(await service.scan(asked, versionCodec(encoding)));
      return { versions: items, ...page };
    }),
    listVersions: rpc("read", options, async (request, { service, signal, encoding }) => {
      const asked = {
        key: request.key,
        from: timestampIn(request.from, "from"),
        to: timestampIn(request.to, "to"),
        atSeq: seqIn(request.atSeq, "at_seq"),
        reverse: request.reverse,
        ...pageIn(request),
        signal,
      };
      const { items, ...page } = pageOut(await service.versions(asked, versionCodec(encoding)));
      return { versions: items, ...page };
    }),
    aggregateVersions: rpc("read", options, async (request, { service, signal }) => {
      const asked = {
        key: request.key,
        step: stepIn(request.step),
        from: timestampIn(request.from, "from"),
        to: timestampIn(request.to, "to"),
        atSeq: seqIn(request.atSeq, "at_seq"),
        ...pageIn(request),
        signal,
      };
      const { items, ...page } = pageOut(await service.aggregate(asked, bucketCodec()));
      return { buckets: items, ...page };
    }),
    diff: rpc("read", options, async (request, { service, signal, encoding }) => {
      const asked = {
        range: rangeIn(request.range),
        from: timestampIn(request.from, "from"),
        to: timestampIn(request.to, "to"),
        atSeq: seqIn(request.atSeq, "at_seq"),
        ...pageIn(request),
        signal,
      };
      const { items, ...page } = pageOut(await service.diff(asked, changeCodec(encoding)));
      return { changes: items, ...page };
    }),
  };
}

/** A method of the fast path, as Connect runs it. */
function unaryRpc<M extends DescMethodUnary, R>({ kind, run, message }: UnaryMethod<M, R>, options: RpcOptions) {
  return rpc(kind, options, async (request: MessageShape<M["input"]>, call) => message(await run(request, call)));
}
