export { type Fault, FaultFileSystem, type FaultOptions } from "./fault-file-system.ts";
export type { FileCall, FileCallKind } from "./file-call.ts";
export { MemoryFileSystem } from "./memory-file-system.ts";
export {
  type CommittedOperation,
  Model,
  type ModelEntry,
  type ModelHistory,
  type ModelOperation,
  type ModelScan,
  type ModelVersion,
  type ModelView,
  sameVersion,
} from "./model.ts";
export { createModelStore, type ModelStoreOptions } from "./model-store.ts";
export { Random } from "./random.ts";
