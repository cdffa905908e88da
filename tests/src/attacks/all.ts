import type { Attack } from "./attack.ts";
import { brokenFrames } from "./broken-frames.ts";
import { continuations, emptyFrames, pings, rapidReset, resetCalls, settings, windows } from "./floods.ts";
import { garbage } from "./garbage.ts";
import { halfOpen } from "./half-open.ts";
import { killedClients } from "./killed-clients.ts";
import { largeRequests } from "./large-requests.ts";
import { manyConnections } from "./many-connections.ts";
import { notReading } from "./not-reading.ts";
import { slowBodies, slowHeaders } from "./slow-senders.ts";

/** Every attack, by what it does. */
export const attacks: Readonly<Record<string, Attack>> = {
  "random bytes": garbage,
  "broken frames": brokenFrames,
  "calls that are reset at once": rapidReset,
  "calls that are reset under way": resetCalls,
  "a flood of pings": pings,
  "a flood of settings": settings,
  "a flood of empty frames": emptyFrames,
  "headers without an end": continuations,
  "a flood of window updates": windows,
  "headers a byte at a time": slowHeaders,
  "bodies a byte at a time": slowBodies,
  "half-open connections": halfOpen,
  "a thousand connections": manyConnections,
  "clients that stop reading": notReading,
  "requests that are too large": largeRequests,
  "a client that is killed": killedClients,
};
