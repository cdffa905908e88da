import { abortError, type HostedStore } from "@kvts/common";

/** The methods of a store in bytes that a test has wait, fail or look on. */
export type Overrides = Partial<Omit<HostedStore<Uint8Array>, "with">>;

/** `store`, some of whose methods are replaced in the view that a server takes of it. */
export function overridden(store: HostedStore, overrides: Overrides): HostedStore {
  const replaced = new Map<PropertyKey, unknown>(Object.entries(overrides));
  const wrap = <S extends object>(target: S): S =>
    new Proxy(target, {
      get(inner, name) {
        if (name === "with") return () => wrap(store.with({ keys: "bytes" }));
        const value: unknown = replaced.get(name) ?? Reflect.get(inner, name, inner);
        return typeof value === "function" ? value.bind(inner) : value;
      },
    });
  return wrap(store);
}

/** A promise with its ends in hand. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Settles as an aborted call does, once `signal` fires. */
export function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(abortError(signal)), { once: true });
  });
}
