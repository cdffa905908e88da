import type { Runtime } from "./runtime.ts";

/** Names the writes of one client, so that a server can tell one that is sent again from a new one. */
export class RequestNames {
  readonly #client: string;
  #count = 0;

  constructor(runtime: Runtime) {
    this.#client = runtime.uniqueName();
  }

  next(): string {
    return `${this.#client}.${(++this.#count).toString(36)}`;
  }
}
