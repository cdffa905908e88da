import type {
  BytesInput,
  CallOptions,
  CheckpointReport,
  Key,
  KeyOf,
  Store,
  TypedStore,
  TypedViewOptions,
  VerifyOptions,
  VerifyReport,
  ViewOptions,
} from "@kvts/common";

/** A store at a server, with what can be asked of the server besides. */
export interface ServedStore<K extends Key = string> extends Store<K> {
  /**
   * Has the server read its whole store again, past its caches, and list everything that is wrong: of the files those that
   * are not sound, 1,000 of them and of the problems at most. Waits for as long as it takes where no `timeoutMs` is given; the server goes on
   * where the waiting ends before.
   */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /**
   * Has the server make a copy of its store on its own machine, which can be opened like any other. Waits as `verify` does.
   * @param name in the server's directory of checkpoints: letters, digits, ".", "_" and "-", the first no dot
   * @throws INVALID_ARGUMENT where there is one of that name; UNIMPLEMENTED where the server has no such directory
   */
  checkpoint(name: string, options?: CallOptions): Promise<CheckpointReport>;
  with<V extends "string" | "bytes">(options: ViewOptions<V>): ServedStore<KeyOf<V>>;
  with<In = BytesInput, Out = Uint8Array, Name = string, Prefix = Name>(
    options: TypedViewOptions<Name, Prefix, In, Out>,
  ): TypedStore<Name, Prefix, In, Out>;
}
