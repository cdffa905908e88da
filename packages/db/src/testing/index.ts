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
