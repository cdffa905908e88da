import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import { type ErrorInfo, ErrorInfoSchema } from "@kvts/api";
import { type ErrorDetails, isErrorCode } from "@kvts/common";
import {
  abandonedFailure,
  answeredFailure,
  connectionFailure,
  lateFailure,
} from "../../../packages/client/src/failures.ts";
import type { WireFailure } from "../../../packages/client/src/wire.ts";

/** What a client of another make learns of a failure: by the reason and the metadata of its ErrorInfo, as documented. */
export function foreignFailure(error: ServiceError, url: string): WireFailure {
  const info = infoIn(error);
  if (info !== undefined && isErrorCode(info.reason)) {
    return answeredFailure(info.reason, error.details, detailsIn(info), undefined, error);
  }
  if (error.code === status.DEADLINE_EXCEEDED) return lateFailure(url, error);
  if (error.code === status.CANCELLED) return abandonedFailure(url, error);
  return connectionFailure(url, error);
}

/** google.rpc.Status in the trailer that is for it: details = 3. */
function infoIn({ metadata }: ServiceError): ErrorInfo | undefined {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Uint8Array)) return undefined;
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field !== 3) {
      reader.skip(wireType);
      continue;
    }
    const info = anyUnpack(fromBinary(AnySchema, reader.bytes()), ErrorInfoSchema);
    if (info?.domain === "kvts") return info;
  }
  return undefined;
}

/** Details travel as texts; which are numbers and truth values shows in them. */
function detailsIn({ metadata }: ErrorInfo): ErrorDetails {
  const values = Object.entries(metadata).map(([name, text]) => [
    name,
    /^(?:\d{1,16}|true|false)$/.test(text) ? JSON.parse(text) : text,
  ]);
  return Object.fromEntries(values) as ErrorDetails;
}
