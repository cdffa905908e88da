import type { Exchanges } from "../../exchanges.ts";
import type { Metrics } from "../../metrics/metrics.ts";
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
import { docsRoute } from "./docs.ts";
import { eraseRoute } from "./erase.ts";
import { getKeyRoute } from "./get-key.ts";
import { metricsRoute } from "./metrics.ts";
import { openApiRoute } from "./openapi.ts";
import { operationRoute } from "./operations.ts";
import { putKeyRoute } from "./put-key.ts";
import { restoreRoute } from "./restore.ts";
import { retentionRoutes } from "./retention.ts";
import { retractVersionRoute } from "./retract-version.ts";
import { scanRoute } from "./scan.ts";
import { snapshotRoutes } from "./snapshots.ts";
import { statusRoutes } from "./status.ts";
import { upkeepRoutes } from "./upkeep.ts";
import { versionsRoute } from "./versions.ts";
import { watchRoute } from "./watch.ts";

export interface RoutesOptions {
  readonly exchanges: Exchanges;
  readonly metrics: Metrics;
  readonly settings: Settings;
  /** The version of the server's software. */
  readonly version: string;
}

/** Every route of the HTTP/JSON face. */
export function allRoutes({ exchanges, metrics, settings, version }: RoutesOptions): AnyRoute[] {
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
    watchRoute(),
    ...batchRoutes(times),
    ...snapshotRoutes(),
    restoreRoute(times),
    ...retentionRoutes(),
    deleteRangeRoute(times),
    eraseRoute(),
    operationRoute(),
    ...adminRoutes(),
    ...upkeepRoutes(),
    ...statusRoutes(exchanges),
    metricsRoute(metrics, exchanges),
    docsRoute(),
  ];
  return [...routes, openApiRoute(routes, version)];
}
