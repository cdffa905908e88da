import { invariant, type Logger } from "@kvts/common";
import { auditedService } from "./auth/audited-service.ts";
import { createCallRate } from "./auth/call-rate.ts";
import { guardedService } from "./auth/guarded-service.ts";
import type { TokenRecord } from "./auth/token-file.ts";
import type { Tokens } from "./auth/tokens.ts";
import { aroundCalls } from "./service/around.ts";
import type { Service } from "./service/service.ts";

/** What callers may use. */
export interface Access {
  /**
   * The service, as far as the bearer of this header may use it.
   * @param authorization the header, where there is one
   * @throws UNAUTHENTICATED
   */
  serviceFor(authorization: string | undefined): Service;
}

/** Access to a service that is still to come. No call is admitted before. */
export interface LaterAccess extends Access {
  grant(service: Service): void;
}

export function createAccess(tokens: Tokens, logger: Logger): LaterAccess {
  let granted: Service | undefined;
  let open: Service | undefined;
  /** One for each token, made on its first use. */
  const services = new WeakMap<TokenRecord, Service>();
  return {
    grant(service) {
      granted = service;
      open = auditedService(service, logger);
    },
    serviceFor(authorization) {
      invariant(granted !== undefined && open !== undefined, "calls are admitted once there is a store");
      if (!tokens.required) return open;
      const grant = tokens.grantOf(authorization);
      let service = services.get(grant);
      if (service === undefined) {
        const guarded = guardedService(granted, grant, () => tokens.checkLive(grant));
        service = auditedService(withinRate(guarded, grant), logger, grant);
        services.set(grant, service);
      }
      return service;
    },
  };
}

/** Calls that are made on behalf of another, which has been counted. */
const uncounted: ReadonlySet<keyof Service> = new Set<keyof Service>(["deletedAt", "close"]);

/** The service, as often as its bearer may call it: each call of many that travel together counts. */
function withinRate(service: Service, { callsPerSecond }: TokenRecord): Service {
  if (callsPerSecond === undefined) return service;
  const rate = createCallRate(callsPerSecond);
  return aroundCalls(service, uncounted, (_name, run) => {
    rate.take();
    return run();
  });
}
