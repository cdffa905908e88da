import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";

const names = ["chromium", "chromium-browser", "google-chrome"];
/** What a browser gets to start, to load the page and to run it. */
const pageTimeoutMs = 45_000;

/** A Chromium on the PATH. */
export function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a page works with. */
export interface PageTask {
  /** What the page evaluates, once the script has run; a promise is waited for. */
  readonly expression: string;
  close(): Promise<void>;
}

/**
 * Opens a page with `script` in a headless browser, and gives what its task's expression comes to, as JSON has it.
 * @param prepare told the page's origin
 * @throws where the page fails, or says nothing in time
 */
export async function runPage(
  browser: string,
  script: string,
  prepare: (origin: string) => Promise<PageTask>,
): Promise<unknown> {
  const result = pending<{ readonly value?: unknown; readonly error?: string }>();
  let html = "";
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(html);
    if (request.method === "POST") text(request).then((body) => result.resolve(JSON.parse(body)), result.reject);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const task = await prepare(origin);
  html = pageOf(script, task.expression);
  const profile = mkdtempSync(join(tmpdir(), "kvts-browser-"));
  const child = startBrowser(browser, profile, origin);
  const timer = setTimeout(() => result.reject(new Error("the page said nothing in time")), pageTimeoutMs);
  const ended = once(child, "close").then(() => result.reject(new Error("the browser ended")));
  try {
    const { value, error } = await result.promise;
    if (error !== undefined) throw new Error(`the page failed: ${error}`);
    return value;
  } finally {
    clearTimeout(timer);
    endGroup(child);
    await ended;
    await task.close();
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function pageOf(script: string, expression: string): string {
  // What ends a script element must not be in one.
  const inert = (code: string): string => code.replaceAll("</", "<\\/");
  return `<!doctype html><title>page</title><script>${inert(script)}</script><script>
    const tell = (result) => fetch("/", { method: "POST", body: JSON.stringify(result) });
    (async () => (${inert(expression)}))().then((value) => tell({ value }), (error) => tell({ error: String(error) }));
  </script>`;
}

function startBrowser(browser: string, profile: string, url: string): ChildProcess {
  // Without its sandbox it runs as root, too; it sees no page but ours.
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  // A group of its own, so that the processes which it starts end with it.
  return spawn(browser, [...flags, "--disable-background-networking", `--user-data-dir=${profile}`, url], {
    stdio: "ignore",
    detached: true,
  });
}

function endGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, "SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

interface Pending<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

function pending<T>(): Pending<T> {
  let settle: Omit<Pending<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
}
