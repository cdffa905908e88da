import { createRequire } from "node:module";
import { AdminService, KvService } from "@kvts/api";
import type { HostedStore, Key } from "@kvts/common";
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
import { createFastPath } from "./rpc/fast-path.ts";
import { kvService } from "./rpc/kv-service.ts";
import { type UnaryMethods, unaryMethods } from "./rpc/unary-methods.ts";
import { createService, type Service } from "./service/service.ts";

/** A store being served. */
export interface Server extends AsyncDisposable {
  /** Where gRPC, gRPC-Web and Connect are served over HTTP/2: `http://127.0.0.1:50051`. */
  readonly grpcUrl: string;
  /** Where HTTP/JSON, gRPC-Web and Connect are served over HTTP/1.1: `http://127.0.0.1:3000`. */
  readonly httpUrl: string;
  /**
   * Accepts no more connections and work, waits for what is in flight (`drainTimeoutMs` at most) and ends the rest. The
   * store stays open: it is its owner's to close.
   */
  close(): Promise<void>;
}

/**
 * Serves `store` over gRPC and over HTTP/JSON, each on a port of its own.
 * @throws INVALID_ARGUMENT for an option out of its bounds
 * @throws UNAVAILABLE where a port cannot be had
 */
export async function serve<K extends Key>(store: HostedStore<K>, options: ServeOptions = {}): Promise<Server> {
  const settings = resolveOptions(options);
  const bytesStore = store.with({ keys: "bytes" });
  const { incarnation } = await bytesStore.stats();
  const exchanges = createExchanges(settings);
  const ready = (): boolean => exchanges.open;
  const service = createService(bytesStore, { ...settings, version: packageVersion(), incarnation, ready });
  try {
    const listeners = await openPorts(service, exchanges, settings);
    return running(listeners, service, exchanges, settings);
  } catch (error) {
    await Promise.all([exchanges.drain(0), service.close()]);
    throw error;
  }
}

interface Ports {
  readonly grpc: Listener;
  readonly http: Listener;
}

async function openPorts(service: Service, exchanges: Exchanges, settings: Settings): Promise<Ports> {
  const { host, allowedHosts, logger } = settings;
  const guard = createGuard(host, allowedHosts);
  const unary = unaryMethods(service);
  const front = { guard, rpc: rpcHandler(service, unary, exchanges, settings), exchanges, logger };
  const routes = allRoutes(service, { settings, version: packageVersion(), ready: () => exchanges.open });
  const rest = createHttpHandler(routes, { exchanges, ...settings });
  const http = await listenHttp(createFront(front, rest), settings);
  const elsewhere = `HTTP/1.1, with the JSON API, is served at ${urlOf(host, http.port)}`;
  try {
    const unknown = refuseUnknownMethods(exchanges, elsewhere);
    const line = `this port serves gRPC over HTTP/2; ${elsewhere}`;
    const stream = createFastPath(Object.values(unary), { guard, exchanges, ...settings });
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

function rpcHandler(service: Service, unary: UnaryMethods, exchanges: Exchanges, settings: Settings): RpcHandler {
  const { retryAfterSeconds, draining } = exchanges;
  const options = { logger: settings.logger, retryAfterSeconds, draining };
  return createRpcHandler(
    (router) => {
      router.service(KvService, kvService(service, unary, options));
      router.service(AdminService, adminService(service, options));
    },
    exchanges,
    settings,
  );
}

function running({ grpc, http }: Ports, service: Service, exchanges: Exchanges, settings: Settings): Server {
  const grpcUrl = urlOf(settings.host, grpc.port);
  const httpUrl = urlOf(settings.host, http.port);
  settings.logger.info({ grpcUrl, httpUrl }, "serving");
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      grpc.stop();
      http.stop();
      await exchanges.drain(settings.drainTimeoutMs);
      await Promise.all([grpc.destroy(), http.destroy()]);
      await service.close();
      settings.logger.info({ grpcUrl, httpUrl }, "closed");
    })();
    return closing;
  };
  return { grpcUrl, httpUrl, close, [Symbol.asyncDispose]: close };
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  return version;
}
