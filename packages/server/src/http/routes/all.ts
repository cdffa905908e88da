import type { Settings } from "../../options.ts";
import type { Service } from "../../service/service.ts";
import { warnOnce } from "../../warn-once.ts";
import type { AnyRoute } from "../route.ts";
import type { Times } from "../value-fields.ts";
import { adminRoutes } from "./admin.ts";
import { batchRoutes } from "./batch.ts";
import { deleteKeyRoute } from "./delete-key.ts";
import { deleteRangeRoute } from "./delete-range.ts";
import { diffRoute } from "./diff.ts";
import { getKeyRoute } from "./get-key.ts";
import { openApiRoute } from "./openapi.ts";
import { putKeyRoute } from "./put-key.ts";
import { retractVersionRoute } from "./retract-version.ts";
import { scanRoute } from "./scan.ts";
import { statusRoutes } from "./status.ts";
import { versionsRoute } from "./versions.ts";

export interface RoutesOptions {
  readonly settings: Settings;
  /** The version of the server's software. */
  readonly version: string;
  ready(): boolean;
}

/** Every route of the HTTP/JSON face. */
export function allRoutes(service: Service, { settings, version, ready }: RoutesOptions): AnyRoute[] {
  const { clock, logger } = settings;
  const times: Times = { now: () => clock.now(), warn: warnOnce(logger) };
  const routes = [
    getKeyRoute(service, times),
    putKeyRoute(service, times),
    deleteKeyRoute(service, times),
    versionsRoute(service),
    retractVersionRoute(service, times),
    scanRoute(service),
    diffRoute(service),
    ...batchRoutes(service, times),
    deleteRangeRoute(service, times),
    ...adminRoutes(service),
    ...statusRoutes(service, ready),
  ];
  return [...routes, openApiRoute(routes, version)];
}
