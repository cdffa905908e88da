import { createRequire } from "node:module";
import { AdminService, Health, KvService, ServerReflection, ServerReflectionV1Alpha } from "@kvts/api";
import { type HostedStore, invalidArgument, type Key } from "@kvts/common";
import { type Access, createAccess, type LaterAccess } from "./access.ts";
import { openTokens, type Tokens } from "./auth/tokens.ts";
import { createCors } from "./cors.ts";
import { createExchanges, type Exchanges } from "./exchanges.ts";
import { createFront, refuseUnknownMethods } from "./front.ts";
import { createGuard } from "./guard.ts";
import { createHttpHandler } from "./http/app.ts";
import { allRoutes } from "./http/routes/all.ts";
import { listenGrpc } from "./listen/grpc-listener.ts";
import { listenHttp } from "./listen/http-listener.ts";
import type { Listener } from "./listen/listener.ts";
import { urlOf } from "./listen/socket-address.ts";
import { createMetrics, type Metrics } from "./metrics/metrics.ts";
import {
  checkExposure,
  checkTls,
  resolveOptions,
  type ServeOptions,
  type Settings,
  type TlsOptions,
} from "./options.ts";
import { createRpcHandler, type RpcHandler } from "./rpc/adapter.ts";
import { adminService } from "./rpc/admin-service.ts";
import { createDescriptors } from "./rpc/descriptors.ts";
import { createFastPath } from "./rpc/fast-path.ts";
import { healthService } from "./rpc/health-service.ts";
import { kvService } from "./rpc/kv-service.ts";
import { reflectionService, reflectionServiceV1Alpha } from "./rpc/reflection-service.ts";
import { unaryMethods } from "./rpc/unary-methods.ts";
import { createService, type Service } from "./service/service.ts";
import { loadTracing, type Tracing } from "./tracing/tracing.ts";

/** A store being served. */
export interface Server extends AsyncDisposable {
  /** Where gRPC, gRPC-Web and Connect are served over HTTP/2: `http://127.0.0.1:50051`; `https` where there is TLS. */
  readonly grpcUrl: string;
  /** Where HTTP/JSON, gRPC-Web and Connect are served over HTTP/1.1: `http://127.0.0.1:3000`. */
  readonly httpUrl: string;
  /** Resolves once work is taken; rejects where the store that was promised does not come. */
  readonly ready: Promise<void>;
  /**
   * Uses other certificates for the connections to come, on both ports; those that there are go on.
   * @throws INVALID_ARGUMENT where they cannot be used, or the server was started without any; the old ones stay
   */
  renewTls(tls: TlsOptions): void;
  /**
   * Accepts no more connections and work, waits for what is in flight (`drainTimeoutMs` at most) and ends the rest. The
   * store stays open: it is its owner's to close.
   */
  close(): Promise<void>;
}

/**
 * Serves `store` over gRPC and over HTTP/JSON, each on a port of its own. A store may be promised: the ports are opened at
 * once, and until it is there the server lives, is not ready, and refuses all work as UNAVAILABLE.
 * @throws INVALID_ARGUMENT for an option out of its bounds
 * @throws UNAVAILABLE where a port cannot be had
 */
export async function serve<K extends Key>(
  store: HostedStore<K> | Promise<HostedStore<K>>,
  options: ServeOptions = {},
): Promise<Server> {
  const { settings, tokens } = await prepare(options);
  const access = createAccess(tokens, settings.logger);
  const tracing = await loadTracing(packageVersion(), settings.tls === undefined ? "http" : "https");
  const exchanges = createExchanges(settings, tracing);
  const metrics = createMetrics();
  const parts = { settings, exchanges, access, metrics };
  const ports = await openPorts(parts, tracing).catch(async (error: unknown) => {
    metrics.stop();
    await exchanges.drain(0);
    throw error;
  });
  const hosting = host(store, { exchanges, access, tokens, settings });
  const server = running(ports, hosting, parts);
  if (store instanceof Promise) return server;
  try {
    await server.ready;
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/**
 * Checks options as `serve` does, before there is a store.
 * @throws INVALID_ARGUMENT for an option out of its bounds, and for a server that would be open by mistake
 */
export async function checkServeOptions(options: ServeOptions): Promise<void> {
  await prepare(options);
}

async function prepare(options: ServeOptions): Promise<{ readonly settings: Settings; readonly tokens: Tokens }> {
  const settings = resolveOptions(options);
  const tokens = await openTokens(settings.tokensFile, settings.clock);
  checkExposure(settings, tokens.required);
  return { settings, tokens };
}

interface Hosting {
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

interface HostingOptions {
  readonly exchanges: Exchanges;
  readonly access: LaterAccess;
  readonly tokens: Tokens;
  readonly settings: Settings;
}

/** Begins to serve a store as soon as it is there. */
function host<K extends Key>(
  store: HostedStore<K> | Promise<HostedStore<K>>,
  { exchanges, access, tokens, settings }: HostingOptions,
): Hosting {
  let service: Service | undefined;
  const begin = async (): Promise<void> => {
    const bytesStore = (await store).with({ keys: "bytes" });
    const { incarnation } = await bytesStore.stats();
    const ready = (): boolean => exchanges.phase === "open";
    service = await createService(bytesStore, { ...settings, version: packageVersion(), incarnation, tokens, ready });
    access.grant(service);
    exchanges.start();
  };
  return { ready: begin(), close: async () => await service?.close() };
}

interface Ports {
  readonly grpc: Listener;
  readonly http: Listener;
}

/** What both ports share. */
interface Parts {
  readonly settings: Settings;
  readonly exchanges: Exchanges;
  readonly access: Access;
  readonly metrics: Metrics;
}

async function openPorts(parts: Parts, tracing: Tracing | undefined): Promise<Ports> {
  const { settings, exchanges, access, metrics } = parts;
  const { host, allowedHosts, logger } = settings;
  const { calls } = metrics;
  const cors = createCors(settings.corsOrigins);
  const guard = createGuard(host, allowedHosts, (origin) => cors.allows(origin));
  const front = { guard, cors, rpc: rpcHandler(parts), exchanges, logger };
  const routes = allRoutes({ exchanges, metrics, settings, version: packageVersion() });
  const rest = createHttpHandler(routes, { exchanges, access, calls, ...settings });
  const http = await listenHttp(createFront(front, rest), settings);
  const elsewhere = `HTTP/1.1, with the JSON API, is served at ${urlOf(settings, http.port)}`;
  try {
    const unknown = refuseUnknownMethods(exchanges, elsewhere);
    const line = `this port serves gRPC over HTTP/2; ${elsewhere}`;
    const stream = createFastPath(Object.values(unaryMethods), {
      guard,
      exchanges,
      access,
      calls,
      tracing,
      ...settings,
    });
    return {
      http,
      grpc: await listenGrpc({ stream, request: createFront(front, unknown), elsewhere: line }, settings),
    };
  } catch (error) {
    http.stop();
    await http.destroy();
    throw error;
  }
}

const services = [KvService, AdminService, Health, ServerReflection, ServerReflectionV1Alpha];
const always = new Set([Health, ServerReflection, ServerReflectionV1Alpha].map(({ typeName }) => typeName));

function rpcHandler({ exchanges, access, metrics: { calls }, settings }: Parts): RpcHandler {
  const options = { logger: settings.logger, calls, retryAfterSeconds: exchanges.retryAfterSeconds };
  const descriptors = createDescriptors(services);
  return createRpcHandler(
    (router) => {
      router.service(KvService, kvService(options, exchanges));
      router.service(AdminService, adminService(options));
      router.service(Health, healthService(descriptors.services, exchanges));
      router.service(ServerReflection, reflectionService(descriptors, exchanges));
      router.service(ServerReflectionV1Alpha, reflectionServiceV1Alpha(descriptors, exchanges));
    },
    { exchanges, access, calls, settings, always },
  );
}

function running({ grpc, http }: Ports, hosting: Hosting, { exchanges, metrics, settings }: Parts): Server {
  metrics.watchConnections("grpc", () => grpc.connections());
  metrics.watchConnections("http", () => http.connections());
  const grpcUrl = urlOf(settings, grpc.port);
  const httpUrl = urlOf(settings, http.port);
  let served = false;
  const ready = hosting.ready.then(() => {
    served = true;
    settings.logger.info({ grpcUrl, httpUrl }, "serving");
  });
  // Whoever waits for it learns of its failure.
  ready.catch(() => undefined);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      grpc.stop();
      http.stop();
      await exchanges.drain(settings.drainTimeoutMs);
      metrics.stop();
      await Promise.all([grpc.destroy(), http.destroy()]);
      await hosting.close();
      if (served) settings.logger.info({ grpcUrl, httpUrl }, "closed");
    })();
    return closing;
  };
  const renewTls = (tls: TlsOptions): void => {
    if (settings.tls === undefined) throw invalidArgument("the server was started without TLS; start it with tls");
    checkTls(tls);
    for (const port of [grpc, http]) port.secure(tls);
  };
  return { grpcUrl, httpUrl, ready, renewTls, close, [Symbol.asyncDispose]: close };
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  return version;
}
