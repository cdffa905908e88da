/** A call to a file system: what a hook is told, and what a fault can hit. */
export type FileCallKind =
  | "create"
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "rename"
  | "link"
  | "remove"
  | "makeDirectory"
  | "syncDirectory";

export interface FileCall {
  readonly kind: FileCallKind;
  readonly path: string;
}

/** An error as the operating system's bindings make it. */
export function systemError(code: string, call: FileCall): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${call.kind} '${call.path}'`), {
    code,
    path: call.path,
    syscall: call.kind,
  });
}
