import { createRequire } from "node:module";
import { AdminService, Health, KvService, ServerReflection, ServerReflectionV1Alpha } from "@kvts/api";
import type { HostedStore, Key } from "@kvts/common";
import { type Access, createAccess, type LaterAccess } from "./access.ts";
import { createExchanges, type Exchanges } from "./exchanges.ts";
import { createFront, refuseUnknownMethods } from "./front.ts";
import { createGuard } from "./guard.ts";
import { createHttpHandler } from "./http/app.ts";
import { allRoutes } from "./http/routes/all.ts";
import { listenGrpc } from "./listen/grpc-listener.ts";
import { listenHttp } from "./listen/http-listener.ts";
import type { Listener } from "./listen/listener.ts";
import { urlOf } from "./listen/socket-address.ts";
import { resolveOptions, type ServeOptions, type Settings } from "./options.ts";
import { createRpcHandler, type RpcHandler } from "./rpc/adapter.ts";
import { adminService } from "./rpc/admin-service.ts";
import { createDescriptors } from "./rpc/descriptors.ts";
import { createFastPath } from "./rpc/fast-path.ts";
import { healthService } from "./rpc/health-service.ts";
import { kvService } from "./rpc/kv-service.ts";
import { reflectionService, reflectionServiceV1Alpha } from "./rpc/reflection-service.ts";
import { unaryMethods } from "./rpc/unary-methods.ts";
import { createService, type Service } from "./service/service.ts";

/** A store being served. */
export interface Server extends AsyncDisposable {
  /** Where gRPC, gRPC-Web and Connect are served over HTTP/2: `http://127.0.0.1:50051`. */
  readonly grpcUrl: string;
  /** Where HTTP/JSON, gRPC-Web and Connect are served over HTTP/1.1: `http://127.0.0.1:3000`. */
  readonly httpUrl: string;
  /** Resolves once work is taken; rejects where the store that was promised does not come. */
  readonly ready: Promise<void>;
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
  const settings = resolveOptions(options);
  const exchanges = createExchanges(settings);
  const access = createAccess();
  const ports = await openPorts(exchanges, access, settings).catch(async (error: unknown) => {
    await exchanges.drain(0);
    throw error;
  });
  const hosting = host(store, exchanges, access, settings);
  const server = running(ports, hosting, exchanges, settings);
  if (store instanceof Promise) return server;
  try {
    await server.ready;
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

interface Hosting {
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Begins to serve a store as soon as it is there. */
function host<K extends Key>(
  store: HostedStore<K> | Promise<HostedStore<K>>,
  exchanges: Exchanges,
  access: LaterAccess,
  settings: Settings,
): Hosting {
  let service: Service | undefined;
  const begin = async (): Promise<void> => {
    const bytesStore = (await store).with({ keys: "bytes" });
    const { incarnation } = await bytesStore.stats();
    const ready = (): boolean => exchanges.phase === "open";
    service = createService(bytesStore, { ...settings, version: packageVersion(), incarnation, ready });
    access.grant(service);
    exchanges.start();
  };
  return { ready: begin(), close: async () => await service?.close() };
}

interface Ports {
  readonly grpc: Listener;
  readonly http: Listener;
}

async function openPorts(exchanges: Exchanges, access: Access, settings: Settings): Promise<Ports> {
  const { host, allowedHosts, logger } = settings;
  const guard = createGuard(host, allowedHosts);
  const front = { guard, rpc: rpcHandler(exchanges, access, settings), exchanges, logger };
  const routes = allRoutes({ exchanges, settings, version: packageVersion() });
  const rest = createHttpHandler(routes, { exchanges, access, ...settings });
  const http = await listenHttp(createFront(front, rest), settings);
  const elsewhere = `HTTP/1.1, with the JSON API, is served at ${urlOf(host, http.port)}`;
  try {
    const unknown = refuseUnknownMethods(exchanges, elsewhere);
    const line = `this port serves gRPC over HTTP/2; ${elsewhere}`;
    const stream = createFastPath(Object.values(unaryMethods), { guard, exchanges, access, ...settings });
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

function rpcHandler(exchanges: Exchanges, access: Access, settings: Settings): RpcHandler {
  const options = { logger: settings.logger, retryAfterSeconds: exchanges.retryAfterSeconds };
  const descriptors = createDescriptors(services);
  return createRpcHandler(
    (router) => {
      router.service(KvService, kvService(options));
      router.service(AdminService, adminService(options));
      router.service(Health, healthService(descriptors.services, exchanges));
      router.service(ServerReflection, reflectionService(descriptors, exchanges));
      router.service(ServerReflectionV1Alpha, reflectionServiceV1Alpha(descriptors, exchanges));
    },
    { exchanges, access, settings, always },
  );
}

function running({ grpc, http }: Ports, hosting: Hosting, exchanges: Exchanges, settings: Settings): Server {
  const grpcUrl = urlOf(settings.host, grpc.port);
  const httpUrl = urlOf(settings.host, http.port);
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
      await Promise.all([grpc.destroy(), http.destroy()]);
      await hosting.close();
      if (served) settings.logger.info({ grpcUrl, httpUrl }, "closed");
    })();
    return closing;
  };
  return { grpcUrl, httpUrl, ready, close, [Symbol.asyncDispose]: close };
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  return version;
}
