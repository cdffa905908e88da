import { createModelStore } from "@kvts/db/testing";
import { type OpenedStore, storeContract } from "./contract.ts";

async function open(): Promise<OpenedStore> {
  const store = createModelStore();
  return { store, bytes: store.with({ keys: "bytes" }), hosted: store, close: () => store.close() };
}

storeContract("the reference store", { open, farFuture: true, largeValues: true, hosted: true, modelRuns: 200 });
