import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { leash } from "../spawned-server.ts";
import type { Attack } from "./attack.ts";

const triesMax = 20;
const program = fileURLToPath(new URL("./killed-client.ts", import.meta.url));

/** A client of ours in a process of its own, killed in the midst of calls on both faces. @throws where an acknowledged write is not there */
export const killedClients: Attack = async ({ grpcUrl, httpUrl }, holdMs) => {
  const name = `victim-${process.pid}-${Math.trunc(performance.now())}`;
  const child = spawn(process.execPath, ["--import", leash, program, grpcUrl, httpUrl, name], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let acknowledged = 0;
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, "line");
  lines.on("line", (line) => {
    // A kill may cut the last line short.
    if (/^\d+;$/.test(line)) acknowledged = Number.parseInt(line, 10);
  });
  await Promise.race([first, ended]);
  await delay(holdMs);
  child.kill("SIGKILL");
  await ended;
  if (acknowledged === 0) throw new Error("the client that was to be killed has written nothing");
  const found = await countAt(`${httpUrl}/v1/keys/${name}`);
  if (!(found >= acknowledged)) throw new Error(`${name} is at ${found}, and ${acknowledged} was acknowledged`);
};

/** The number that a key has been counted up to. A server in need may want to be asked again. */
async function countAt(url: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      const response = await fetch(url);
      const text = await response.text();
      if (response.ok || response.status === 404) return Number.parseInt(text, 10);
    } catch (error) {
      if (tries === triesMax) throw error;
    }
    if (tries === triesMax) throw new Error(`${url} could not be read`);
    await delay(500);
  }
}
