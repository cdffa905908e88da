import { abandonedFailure, lateFailure, oversizeFailure } from "../failures.ts";
import type { WireCall } from "../wire.ts";
import { readBody } from "./body.ts";
import { failureOf, type HttpAnswer } from "./errors.ts";
import { createGate, type Gate } from "./gate.ts";

/** The platform's `fetch`, or one that does the same. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Path and query, below the server's URL. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Most requests under way at a time. Each takes a connection of its own, of which servers have only so many. */
const requestsMax = 128;

/** Longest body of an answer that is no success. */
export const problemBytesMax: number = 64 * 1024;

/** Sends requests to one server and reads its answers, whatever their status. */
export class HttpExchange {
  readonly #url: string;
  readonly #headers: Headers;
  readonly #fetch: Fetch;
  readonly #gate: Gate = createGate(requestsMax);

  constructor(url: string, headers: Headers, fetch: Fetch) {
    this.#url = url;
    this.#headers = headers;
    this.#fetch = fetch;
  }

  /** @param bytesMax longest body taken of a success */
  async send(request: HttpRequest, call: WireCall, bytesMax: number): Promise<HttpAnswer> {
    const abort = new AbortController();
    const abandon = (): void => abort.abort(abandonedFailure(this.#url, call.signal?.reason));
    const timer = setTimeout(() => abort.abort(lateFailure(this.#url)), call.timeoutMs);
    call.signal?.addEventListener("abort", abandon, { once: true });
    if (call.signal?.aborted === true) abandon();
    try {
      return await this.#sendInTurn(request, abort.signal, bytesMax);
    } catch (error) {
      throw failureOf(error, this.#url);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", abandon);
    }
  }

  /** Sends a request whose answer goes on: its head, with the body still to come. `signal` ends it at any time. */
  async open(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    const fetch = this.#fetch;
    return await fetch(this.#url + request.target, this.#initOf(request, signal));
  }

  async #sendInTurn(request: HttpRequest, signal: AbortSignal, successBytesMax: number): Promise<HttpAnswer> {
    await this.#gate.enter(signal);
    try {
      const fetch = this.#fetch;
      const response = await fetch(this.#url + request.target, this.#initOf(request, signal));
      const bytesMax = response.ok ? successBytesMax : problemBytesMax;
      const body = await readBody(response, bytesMax);
      if (body === undefined) throw oversizeFailure(this.#url, bytesMax);
      return { status: response.status, headers: response.headers, body };
    } finally {
      this.#gate.leave();
    }
  }

  #initOf({ method, headers: own = {}, body }: HttpRequest, signal: AbortSignal): RequestInit {
    const headers = new Headers(this.#headers);
    for (const [name, value] of Object.entries(own)) headers.set(name, value);
    // What was read a moment ago may have changed since: answers come from the server, never from a browser's cache.
    const init: RequestInit = { method, headers, signal, cache: "no-store" };
    return body === undefined ? init : { ...init, body };
  }
}
