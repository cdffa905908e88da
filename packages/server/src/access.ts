import { invariant } from "@kvts/common";
import type { Grant } from "./auth/grant.ts";
import { guardedService } from "./auth/guarded-service.ts";
import type { Tokens } from "./auth/tokens.ts";
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

export function createAccess(tokens: Tokens): LaterAccess {
  let granted: Service | undefined;
  /** One for each token, made on its first use. */
  const guarded = new WeakMap<Grant, Service>();
  return {
    grant(service) {
      granted = service;
    },
    serviceFor(authorization) {
      invariant(granted !== undefined, "calls are admitted once there is a store");
      if (!tokens.required) return granted;
      const grant = tokens.grantOf(authorization);
      let service = guarded.get(grant);
      if (service === undefined) {
        service = guardedService(granted, grant, () => tokens.checkLive(grant));
        guarded.set(grant, service);
      }
      return service;
    },
  };
}
