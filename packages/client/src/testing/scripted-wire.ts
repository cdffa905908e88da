import { KvtsError } from "@kvts/common";
import { type Wire, WireFailure } from "../wire.ts";

/** A wire of which a test says what some methods do; the others fail the test by being called. */
export function scriptedWire(script: Partial<Wire>): Wire {
  const unexpected = (name: string) => () => {
    throw new Error(`${name} was not expected to be called`);
  };
  return {
    put: unexpected("put"),
    delete: unexpected("delete"),
    retract: unexpected("retract"),
    deleteRange: unexpected("deleteRange"),
    write: unexpected("write"),
    get: unexpected("get"),
    batchGet: unexpected("batchGet"),
    scan: unexpected("scan"),
    listVersions: unexpected("listVersions"),
    aggregate: unexpected("aggregate"),
    diff: unexpected("diff"),
    watch: unexpected("watch"),
    createSnapshot: unexpected("createSnapshot"),
    renewSnapshot: unexpected("renewSnapshot"),
    releaseSnapshot: unexpected("releaseSnapshot"),
    restore: unexpected("restore"),
    erase: unexpected("erase"),
    countErased: unexpected("countErased"),
    verify: unexpected("verify"),
    checkpoint: unexpected("checkpoint"),
    getOperation: unexpected("getOperation"),
    setRetention: unexpected("setRetention"),
    deleteRetention: unexpected("deleteRetention"),
    listRetention: unexpected("listRetention"),
    stats: unexpected("stats"),
    close() {},
    ...script,
  };
}

/** What a wire rejects with while its server cannot be reached. */
export function unavailable(outcome: WireFailure["outcome"] = "unsent", retryAfterMs?: number): WireFailure {
  return new WireFailure(new KvtsError("UNAVAILABLE", "no server answers"), outcome, retryAfterMs);
}
