import type { ServiceImpl } from "@connectrpc/connect";
import type { KvService } from "@kvts/api";
import type { Page } from "../service/page.ts";
import type { Service } from "../service/service.ts";
import { type RpcOptions, rpc } from "./call.ts";
import { conditionIn, preconditionsIn } from "./conditions.ts";
import { numberOut, pageSizeIn, seqIn, stepIn, textIn, timestampIn, written } from "./numbers.ts";
import { operationsIn, rangeIn, valueIn } from "./operations.ts";
import { batchItemCodec, bucketCodec, changeCodec, versionCodec, versionOut } from "./versions.ts";

/** kvts.v1.KvService over a service. */
export function kvService(service: Service, options: RpcOptions): ServiceImpl<typeof KvService> {
  return {
    put: rpc("write", options, async (request, { signal }) =>
      written(
        await service.put(request.key, valueIn(request.value), {
          timestamp: timestampIn(request.timestamp, "timestamp"),
          expiresAt: timestampIn(request.expiresAt, "expires_at"),
          ...conditionIn(request.condition),
          requestId: textIn(request.requestId),
          signal,
        }),
      ),
    ),
    delete: rpc("write", options, async (request, { signal }) =>
      written(
        await service.delete(request.key, {
          timestamp: timestampIn(request.timestamp, "timestamp"),
          ...conditionIn(request.condition),
          requestId: textIn(request.requestId),
          signal,
        }),
      ),
    ),
    write: rpc("write", options, async (request, { signal }) =>
      written(
        await service.write(operationsIn(request.operations), {
          preconditions: preconditionsIn(request.preconditions),
          requestId: textIn(request.requestId),
          signal,
        }),
      ),
    ),
    get: rpc("read", options, async (request, { signal }) => {
      const entry = await service.get({ key: request.key, ...viewIn(request), signal });
      return entry === undefined ? {} : { version: versionOut(entry) };
    }),
    batchGet: rpc("read", options, async (request, { signal, encoding }) => {
      const asked = { keys: request.keys, ...viewIn(request), ...pageIn(request), signal };
      const { items, ...page } = pageOut(await service.batchGet(asked, batchItemCodec(encoding)));
      return { items, ...page };
    }),
    scan: rpc("read", options, async (request, { signal, encoding }) => {
      const { reverse, includeDeleted } = request;
      const range = rangeIn(request.range);
      const asked = { range, reverse, includeDeleted, ...viewIn(request), ...pageIn(request), signal };
      const { items, ...page } = pageOut(await service.scan(asked, versionCodec(encoding)));
      return { versions: items, ...page };
    }),
    listVersions: rpc("read", options, async (request, { signal, encoding }) => {
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
    aggregateVersions: rpc("read", options, async (request, { signal }) => {
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
    diff: rpc("read", options, async (request, { signal, encoding }) => {
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

interface ViewFields {
  readonly asOf?: bigint | undefined;
  readonly atSeq?: bigint | undefined;
}

function viewIn({ asOf, atSeq }: ViewFields): { asOf: number | undefined; atSeq: number | undefined } {
  return { asOf: timestampIn(asOf, "as_of"), atSeq: seqIn(atSeq, "at_seq") };
}

interface PageFields {
  readonly pageSize: number;
  readonly pageToken: string;
}

function pageIn({ pageSize, pageToken }: PageFields): { pageSize: number; pageToken: string | undefined } {
  return { pageSize: pageSizeIn(pageSize), pageToken: textIn(pageToken) };
}

function pageOut<I>({ items, nextPageToken, seq }: Page<I>): { items: I[]; nextPageToken: string; seq: bigint } {
  return { items: [...items], nextPageToken: nextPageToken ?? "", seq: numberOut(seq) };
}
