import type { Exchanges } from "../../exchanges.ts";
import type { Settings } from "../../options.ts";
import { warnOnce } from "../../warn-once.ts";
import type { AnyRoute } from "../route.ts";
import type { Times } from "../value-fields.ts";
import { adminRoutes } from "./admin.ts";
import { aggregateRoute } from "./aggregate.ts";
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
  readonly exchanges: Exchanges;
  readonly settings: Settings;
  /** The version of the server's software. */
  readonly version: string;
}

/** Every route of the HTTP/JSON face. */
export function allRoutes({ exchanges, settings, version }: RoutesOptions): AnyRoute[] {
  const { clock, logger } = settings;
  const times: Times = { now: () => clock.now(), warn: warnOnce(logger) };
  const routes = [
    getKeyRoute(times),
    putKeyRoute(times),
    deleteKeyRoute(times),
    versionsRoute(),
    retractVersionRoute(times),
    aggregateRoute(),
    scanRoute(),
    diffRoute(),
    ...batchRoutes(times),
    deleteRangeRoute(times),
    ...adminRoutes(),
    ...statusRoutes(exchanges),
  ];
  return [...routes, openApiRoute(routes, version)];
}
