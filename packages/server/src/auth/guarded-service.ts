import { type EraseTarget, encodeKey, type Range, rangeOf } from "@kvts/common";
import type { Service } from "../service/service.ts";
import type { ResolvedOperation } from "../service/writes.ts";
import { type Grant, requireKey, requireRange, requireRole } from "./grant.ts";

/**
 * The service, as far as `grant` goes. A method without a rule here does not compile.
 * @param checkLive throws UNAUTHENTICATED once the grant has been withdrawn: streams of calls outlive that
 */
export function guardedService(service: Service, grant: Grant, checkLive: () => void): Service {
  const key = (bytes: Uint8Array): void => {
    checkLive();
    requireKey(grant, bytes);
  };
  const range = (asked: Range): void => {
    checkLive();
    requireRange(grant, asked);
  };
  const write = (): void => {
    checkLive();
    requireRole(grant, "write");
  };
  const admin = (): void => {
    checkLive();
    requireRole(grant, "admin");
  };
  const within = (target: EraseTarget): void => {
    if ("key" in target) key(encodeKey(target.key));
    else range(target);
  };
  return {
    get(request) {
      key(request.key);
      return service.get(request);
    },
    deletedAt(request) {
      key(request.key);
      return service.deletedAt(request);
    },
    batchGet(request, codec) {
      checkLive();
      for (const each of request.keys) requireKey(grant, each);
      return service.batchGet(request, codec);
    },
    scan(request, codec) {
      range(request.range);
      return service.scan(request, codec);
    },
    versions(request, codec) {
      key(request.key);
      return service.versions(request, codec);
    },
    aggregate(request, codec) {
      key(request.key);
      return service.aggregate(request, codec);
    },
    diff(request, codec) {
      range(request.range);
      return service.diff(request, codec);
    },
    incarnation: service.incarnation,
    watch(request) {
      range(request.range);
      const watched = service.watch(request);
      return {
        async *[Symbol.asyncIterator]() {
          for await (const event of watched) {
            checkLive();
            yield event;
          }
        },
        close: () => watched.close(),
      };
    },
    put(target, value, options) {
      write();
      key(target);
      return service.put(target, value, options);
    },
    delete(target, options) {
      write();
      key(target);
      return service.delete(target, options);
    },
    deleteRange(target, options) {
      write();
      range(target);
      return service.deleteRange(target, options);
    },
    // Whoever may do it may try it.
    countDeleted(target, options) {
      write();
      range(target);
      return service.countDeleted(target, options);
    },
    retract(target, timestamp, options) {
      write();
      key(target);
      return service.retract(target, timestamp, options);
    },
    write(operations, options) {
      write();
      for (const operation of operations) requireOperation(grant, operation);
      for (const precondition of options.preconditions ?? []) key(encodeKey(precondition.key));
      return service.write(operations, options);
    },
    restore(asked, to, options) {
      write();
      range(asked);
      return service.restore(asked, to, options);
    },
    // It takes history away for good, and goes on after the call.
    erase(target, options) {
      admin();
      within(target);
      return service.erase(target, options);
    },
    countErased(target, options) {
      admin();
      within(target);
      return service.countErased(target, options);
    },
    verify(bytesPerSecond, options) {
      admin();
      return service.verify(bytesPerSecond, options);
    },
    checkpoint(name, options) {
      admin();
      return service.checkpoint(name, options);
    },
    backup(signal) {
      admin();
      return service.backup(signal);
    },
    getOperation(id) {
      admin();
      return service.getOperation(id);
    },
    // A seq tells of no key, and each read in a snapshot is judged as every other read.
    snapshots: {
      create(seq) {
        checkLive();
        return service.snapshots.create(seq);
      },
      renew(id) {
        checkLive();
        return service.snapshots.renew(id);
      },
      release(id) {
        checkLive();
        service.snapshots.release(id);
      },
    },
    // Figures about the whole, without a key in them.
    status(signal) {
      checkLive();
      return service.status(signal);
    },
    flush(signal) {
      admin();
      return service.flush(signal);
    },
    compact(signal) {
      admin();
      return service.compact(signal);
    },
    setRetention(prefix, keepFor, options) {
      admin();
      return service.setRetention(prefix, keepFor, options);
    },
    deleteRetention(prefix, options) {
      admin();
      return service.deleteRetention(prefix, options);
    },
    // Its prefixes may tell what others keep.
    listRetention(signal) {
      admin();
      return service.listRetention(signal);
    },
    createToken(request) {
      admin();
      return service.createToken(request);
    },
    listTokens() {
      admin();
      return service.listTokens();
    },
    revokeToken(id) {
      admin();
      return service.revokeToken(id);
    },
    close: () => service.close(),
  };
}

function requireOperation(grant: Grant, operation: ResolvedOperation): void {
  if (operation.op === "deleteRange") requireRange(grant, rangeOf(operation));
  else requireKey(grant, encodeKey(operation.key));
}
