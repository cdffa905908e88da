export * from "./gen/google/rpc/error_details_pb.ts";
export * from "./gen/kvts/v1/admin_pb.ts";
export * from "./gen/kvts/v1/kv_pb.ts";
export * from "./gen/kvts/v1/types_pb.ts";
