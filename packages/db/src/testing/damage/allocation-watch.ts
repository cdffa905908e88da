const WATCHED = ["ArrayBuffer", "SharedArrayBuffer", "Uint8Array", "Int32Array"] as const;

type Constructor = new (...values: unknown[]) => object;

/**
 * Sees how much memory is asked for at once, from its making to its disposal: a length that lies must not be believed.
 * Buffers made by their length are seen; those that share memory or copy other arrays take no more than is there.
 */
export class AllocationWatch implements Disposable {
  /** Bytes of the largest buffer that was asked for. */
  largestBytes = 0;
  readonly #originals: Map<string, Constructor> = new Map();

  constructor() {
    for (const name of WATCHED) this.#watch(name);
  }

  [Symbol.dispose](): void {
    for (const [name, original] of this.#originals) Reflect.set(globalThis, name, original);
  }

  #watch(name: (typeof WATCHED)[number]): void {
    const original = globalThis[name] as unknown as Constructor & { readonly BYTES_PER_ELEMENT?: number };
    const unit = original.BYTES_PER_ELEMENT ?? 1;
    const note = (length: unknown): void => {
      if (typeof length === "number" && length * unit > this.largestBytes) this.largestBytes = length * unit;
    };
    const watched: Constructor = new Proxy(original, {
      construct(target, values: unknown[], made): object {
        note(values[0]);
        return Reflect.construct(target, values, made === watched ? target : made) as object;
      },
    });
    this.#originals.set(name, original);
    Reflect.set(globalThis, name, watched);
  }
}
