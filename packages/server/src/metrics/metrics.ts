import { memoryUsage } from "node:process";
import type { Exchanges } from "../exchanges.ts";
import type { Status } from "../service/admin.ts";
import { type CallMeter, createCallMeter } from "./calls.ts";
import { Exposition } from "./exposition.ts";
import { watchLoopDelay } from "./loop-delay.ts";
import { exposeStore } from "./store-metrics.ts";

/** What is counted about a server. */
export interface Metrics {
  readonly calls: CallMeter;
  /** Counts the connections to a port. @param count how many there are */
  watchConnections(port: "grpc" | "http", count: () => number): void;
  /** Everything, as Prometheus reads it. */
  text(status: Status, exchanges: Exchanges): string;
  stop(): void;
}

export function createMetrics(): Metrics {
  const calls = createCallMeter();
  const loopDelay = watchLoopDelay();
  const connections = new Map<string, () => number>();
  return {
    calls,
    watchConnections: (port, count) => void connections.set(port, count),
    text({ version, startedAt, stats }, exchanges) {
      const out = new Exposition();
      out.family("kvts_build_info", "gauge", "1, with the server's version.");
      out.sample("kvts_build_info", 1, { version });
      exposeCalls(out, calls);
      out.family("kvts_connections", "gauge", "Connections to each port.");
      for (const [port, count] of connections) out.sample("kvts_connections", count(), { port });
      out.family("kvts_requests_in_flight", "gauge", "Requests that have not been answered yet.");
      out.sample("kvts_requests_in_flight", exchanges.active);
      out.family("kvts_request_bytes_held", "gauge", "Bytes of requests in memory.");
      out.sample("kvts_request_bytes_held", exchanges.heldBytes);
      out.family("kvts_event_loop_delay_seconds", "histogram", "How late the event loop is, ten times a second.");
      out.histogram("kvts_event_loop_delay_seconds", loopDelay.seconds);
      exposeProcess(out, startedAt);
      exposeStore(out, stats);
      return out.text;
    },
    stop: () => loopDelay.stop(),
  };
}

function exposeCalls(out: Exposition, calls: CallMeter): void {
  out.family("kvts_calls_total", "counter", "Calls that ended, by their code: OK, or why they failed.");
  for (const { face, method, codes } of calls.methods) {
    for (const [code, count] of codes) out.sample("kvts_calls_total", count, { face, method, code });
  }
  out.family("kvts_call_duration_seconds", "histogram", "How long calls took, until their answer was ready.");
  for (const { face, method, seconds } of calls.methods) {
    out.histogram("kvts_call_duration_seconds", seconds, { face, method });
  }
}

/** Names that every process has in Prometheus. */
function exposeProcess(out: Exposition, startedAt: number): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = memoryUsage();
  out.family("process_cpu_seconds_total", "counter", "Processor time of the whole process.");
  out.sample("process_cpu_seconds_total", (user + system) / 1e6);
  out.family("process_resident_memory_bytes", "gauge", "Memory that the system counts for the process.");
  out.sample("process_resident_memory_bytes", rss);
  out.family("nodejs_heap_size_used_bytes", "gauge", "JavaScript objects.");
  out.sample("nodejs_heap_size_used_bytes", heapUsed);
  out.family("nodejs_external_memory_bytes", "gauge", "Memory outside the JavaScript heap that objects hold.");
  out.sample("nodejs_external_memory_bytes", external);
  out.family("kvts_start_time_seconds", "gauge", "When the server began to serve, since the Unix epoch.");
  out.sample("kvts_start_time_seconds", startedAt / 1e6);
}
