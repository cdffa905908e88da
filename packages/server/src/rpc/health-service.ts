import { Code, type ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as ServingStatus } from "@kvts/api";
import type { Exchanges } from "../exchanges.ts";
import { nextPhase } from "../until-closing.ts";
import { protocolError } from "./errors.ts";

/**
 * grpc.health.v1.Health: whether work is taken, by the server as a whole (the empty name) and by each of its services.
 * @param names full names of the services
 */
export function healthService(names: readonly string[], exchanges: Exchanges): ServiceImpl<typeof Health> {
  const known = new Set(["", ...names]);
  const current = (): ServingStatus => (exchanges.phase === "open" ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  return {
    check({ service }) {
      if (!known.has(service)) throw unknownService(service);
      return { status: current() };
    },
    list() {
      return { statuses: Object.fromEntries([...known].map((name) => [name, { status: current() }])) };
    },
    async *watch({ service }, { signal }) {
      // A server that closes says so, and ends the stream: its end would hold up the drain otherwise.
      for (let told: ServingStatus | undefined; !signal.aborted; await nextPhase(exchanges, signal)) {
        const status = known.has(service) ? current() : ServingStatus.SERVICE_UNKNOWN;
        if (status !== told) yield { status };
        told = status;
        if (exchanges.phase === "closing") return;
      }
    },
  };
}

function unknownService(name: string): ConnectError {
  const sentence = `there is no service ${JSON.stringify(name)} here; ask for one that reflection lists, or for ""`;
  return protocolError(Code.NotFound, "NOT_FOUND", sentence);
}
