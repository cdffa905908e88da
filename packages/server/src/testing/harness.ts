import { type HostedStore, isKvtsError } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { afterEach } from "vitest";
import type { ServeOptions } from "../options.ts";
import { type Server, serve } from "../serve.ts";

/** A served store, on free ports, that ends with the test. */
export interface Served {
  readonly store: HostedStore;
  readonly server: Server;
  /** `http://127.0.0.1:port` of HTTP/JSON. */
  readonly url: string;
  /** A request to the HTTP port, by path. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

const started: Server[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

export async function served(options: ServeOptions = {}, store: HostedStore = createModelStore()): Promise<Served> {
  const server = await serve(store, { port: 0, httpPort: 0, drainTimeoutMs: 2000, ...options });
  started.push(server);
  const url = server.httpUrl;
  return { store, server, url, fetch: (path, init) => fetch(`${url}${path}`, init) };
}

/** The body of a problem, with its status, checked to be one. */
export async function problemOf(
  response: Response,
): Promise<{ status: number; code: string; detail: string; details: Record<string, unknown> }> {
  if (response.headers.get("content-type") !== "application/problem+json") {
    throw new Error(`no problem: ${response.status} ${await response.text()}`);
  }
  return (await response.json()) as Awaited<ReturnType<typeof problemOf>>;
}

export function codeOf(error: unknown): string | undefined {
  return isKvtsError(error) ? error.code : undefined;
}
