import type { Context, ProxyTracerProvider, Tracer, TracerProvider } from "@opentelemetry/api";
import { CallTrace, type Carrier } from "./call-trace.ts";

/** OpenTelemetry, as far as the program around has set it up. */
export interface Tracing {
  /**
   * Begins a call that is to become a span.
   * @param carrier the request's headers, which may say whose call it is part of
   * @returns undefined where nobody looks at spans
   */
  begin(carrier: Carrier): CallTrace | undefined;
}

type Api = typeof import("@opentelemetry/api");

/**
 * Spans through `@opentelemetry/api`, which is there where somebody installed it; an SDK has to be registered with it.
 * @param scheme of both ports: `http` or `https`
 */
export async function loadTracing(version: string, scheme: string): Promise<Tracing | undefined> {
  const api = await optionalApi();
  if (api === undefined) return undefined;
  return {
    begin(carrier) {
      const tracer = registeredTracer(api.trace.getTracerProvider(), version);
      return tracer && new CallTrace(tracer, parentOf(carrier, api), carrier, scheme);
    },
  };
}

async function optionalApi(): Promise<Api | undefined> {
  try {
    return await import("@opentelemetry/api");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** The API puts a provider of its own in front of that of an SDK; where there is no SDK, nothing is behind it. */
function registeredTracer(provider: TracerProvider, version: string): Tracer | undefined {
  if ("getDelegateTracer" in provider) return (provider as ProxyTracerProvider).getDelegateTracer(scopeName, version);
  return provider.getTracer(scopeName, version);
}

const scopeName = "@kvts/server";

/** A span that is active already knows its own parent: instrumentation of Node's servers makes one for each request. */
function parentOf(carrier: Carrier, { context, propagation, trace }: Api): Context {
  const active = context.active();
  return trace.getSpan(active) === undefined ? propagation.extract(active, carrier) : active;
}
