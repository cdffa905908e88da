import { invariant } from "@kvts/common";
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

export function createAccess(): LaterAccess {
  let granted: Service | undefined;
  return {
    grant(service) {
      granted = service;
    },
    serviceFor() {
      invariant(granted !== undefined, "calls are admitted once there is a store");
      return granted;
    },
  };
}
