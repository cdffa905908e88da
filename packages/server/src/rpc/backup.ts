import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AdminService, StreamBackupResponseSchema } from "@kvts/api";
import type { BackupPart } from "../service/backups.ts";
import type { RpcOptions } from "./call.ts";
import { numberOut } from "./numbers.ts";
import { streamed } from "./streams.ts";

/** AdminService.StreamBackup. Connect asks for the next piece once the one before is on its way. */
export function streamBackup(options: RpcOptions): ServiceImpl<typeof AdminService>["streamBackup"] {
  return streamed(options, async function* (_request, service, signal) {
    for await (const part of service.backup(signal)) yield partOut(part);
  });
}

function partOut(part: BackupPart): MessageInitShape<typeof StreamBackupResponseSchema> {
  switch (part.kind) {
    case "file":
      return { part: { case: "file", value: { name: part.name, bytes: numberOut(part.bytes) } } };
    case "data":
      return { part: { case: "data", value: part.data } };
    case "end": {
      const { files, bytes, seq, incarnation } = part;
      const value = { files: numberOut(files), bytes: numberOut(bytes), seq: numberOut(seq), incarnation };
      return { part: { case: "end", value } };
    }
  }
}
