import type { JsonObject } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AdminService } from "@kvts/api";
import type { ServerLimits } from "../service/admin.ts";
import type { Lease } from "../service/leases.ts";
import { streamBackup } from "./backup.ts";
import { type RpcOptions, rpc } from "./call.ts";
import { conditionIn } from "./conditions.ts";
import { numberOut, positiveIn, seqIn, textIn, timestampIn, written } from "./numbers.ts";
import { deletedRangeIn, retractedIn } from "./operations.ts";
import { restoreIn, restoreOut } from "./restore.ts";
import { keepForIn, policiesOut, retentionOut } from "./retention.ts";
import { roleIn, tokenOut } from "./tokens.ts";
import { eraseIn, erasureOut, operationOut, rateIn } from "./tracked-operations.ts";

/** kvts.v1.AdminService. */
export function adminService(options: RpcOptions): ServiceImpl<typeof AdminService> {
  return {
    getStatus: rpc("read", options, async (_request, { service, signal }) => {
      const { version, ready, startedAt, limits, stats } = await service.status(signal);
      return {
        version,
        ready,
        startedAt: numberOut(startedAt),
        seq: numberOut(stats.seq),
        incarnation: stats.incarnation,
        limits: limitsOut(limits),
        // Plain JSON: what is not does not belong into figures.
        stats: JSON.parse(JSON.stringify(stats)) as JsonObject,
      };
    }),
    flush: rpc("write", options, async (_request, { service, signal }) => {
      await service.flush(signal);
      return {};
    }),
    compact: rpc("write", options, async (_request, { service, signal }) => {
      await service.compact(signal);
      return {};
    }),
    createSnapshot: rpc("read", options, async ({ atSeq }, { service }) =>
      leaseOut(service.snapshots.create(seqIn(atSeq, "at_seq"))),
    ),
    renewSnapshot: rpc("read", options, async ({ snapshot }, { service }) =>
      leaseOut(service.snapshots.renew(snapshot)),
    ),
    releaseSnapshot: rpc("read", options, async ({ snapshot }, { service }) => {
      service.snapshots.release(snapshot);
      return {};
    }),
    retract: rpc("write", options, async (request, { service, signal }) =>
      written(
        await service.retract(request.key, retractedIn(request.timestamp), {
          ...conditionIn(request.condition),
          requestId: textIn(request.requestId),
          signal,
        }),
      ),
    ),
    restore: rpc("write", options, async (request, { service, signal }) => {
      const { range, to } = restoreIn(request);
      return restoreOut(await service.restore(range, to, { dryRun: request.dryRun, signal }));
    }),
    setRetention: rpc("write", options, async ({ prefix, keepFor, dryRun }, { service, signal }) =>
      retentionOut(await service.setRetention(prefix, keepForIn(keepFor), { dryRun, signal })),
    ),
    deleteRetention: rpc("write", options, async ({ prefix, dryRun }, { service, signal }) =>
      retentionOut(await service.deleteRetention(prefix, { dryRun, signal })),
    ),
    listRetention: rpc("read", options, async (_request, { service, signal }) =>
      policiesOut(await service.listRetention(signal)),
    ),
    createToken: rpc("write", options, async (request, { service }) => {
      const { prefix, name } = request;
      const expiresIn = positiveIn(request.expiresIn, "expires_in");
      const callsPerSecond = positiveIn(request.callsPerSecond, "calls_per_second");
      const asked = { role: roleIn(request.role), prefix, name, expiresIn, callsPerSecond };
      const { token, info } = await service.createToken(asked);
      return { secret: token, token: tokenOut(info) };
    }),
    listTokens: rpc("read", options, async (_request, { service }) => ({ tokens: service.listTokens().map(tokenOut) })),
    revokeToken: rpc("write", options, async ({ id }, { service }) => {
      await service.revokeToken(id);
      return {};
    }),
    deleteRange: rpc("write", options, async (request, { service, signal }) => {
      const range = deletedRangeIn(request.range);
      const timestamp = timestampIn(request.timestamp, "timestamp");
      const requestId = textIn(request.requestId);
      if (request.dryRun)
        return { keys: numberOut(await service.countDeleted(range, { timestamp, requestId, signal })) };
      return written(await service.deleteRange(range, { timestamp, requestId, signal }));
    }),
    erase: rpc("write", options, async (request, { service, signal }) => {
      const target = eraseIn(request);
      if (request.dryRun) return { counted: erasureOut(await service.countErased(target, { signal })) };
      return { operation: operationOut(await service.erase(target, { signal })) };
    }),
    verify: rpc("write", options, async ({ bytesPerSecond }, { service, signal }) => ({
      operation: operationOut(await service.verify(rateIn(bytesPerSecond), { signal })),
    })),
    checkpoint: rpc("write", options, async ({ name }, { service, signal }) => ({
      operation: operationOut(await service.checkpoint(name, { signal })),
    })),
    streamBackup: streamBackup(options),
    getOperation: rpc("read", options, async ({ id }, { service }) => ({
      operation: operationOut(service.getOperation(id)),
    })),
  };
}

function leaseOut({ id, seq, leaseMs }: Lease): { snapshot: string; seq: bigint; leaseMs: bigint } {
  return { snapshot: id, seq: numberOut(seq), leaseMs: numberOut(leaseMs) };
}

function limitsOut(
  limits: ServerLimits,
): Record<keyof Omit<ServerLimits, "timestampMax" | "requestIdBytesMax">, bigint> {
  return {
    keyBytesMax: numberOut(limits.keyBytesMax),
    valueBytesMax: numberOut(limits.valueBytesMax),
    batchOperationsMax: numberOut(limits.batchOperationsMax),
    batchBytesMax: numberOut(limits.batchBytesMax),
    requestBytesMax: numberOut(limits.requestBytesMax),
    pageItemsMax: numberOut(limits.pageItemsMax),
    pageBytesMax: numberOut(limits.pageBytesMax),
  };
}
