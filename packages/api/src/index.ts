export * from "./binary/reader.ts";
export * from "./binary/versions.ts";
export * from "./binary/writer.ts";
export * from "./gen/google/rpc/error_details_pb.ts";
export * from "./gen/grpc/health/v1/health_pb.ts";
export * from "./gen/grpc/reflection/v1/reflection_pb.ts";
// The same messages under another name.
export { ServerReflection as ServerReflectionV1Alpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.ts";
export * from "./gen/kvts/v1/admin_pb.ts";
export * from "./gen/kvts/v1/kv_pb.ts";
export * from "./gen/kvts/v1/types_pb.ts";
