import type { CallTrace } from "../tracing/call-trace.ts";
import { Histogram } from "./histogram.ts";

/** By which of the two a call came: `grpc` stands for gRPC-Web and Connect, too. */
export type Face = "grpc" | "http";

/** What is known of the calls of one method. */
export interface MethodCalls {
  readonly face: Face;
  readonly method: string;
  readonly seconds: Histogram;
  /** How often calls ended with this code, `OK` among them. */
  readonly codes: ReadonlyMap<string, number>;
}

/** What a call has that is counted. */
export interface TimedCall {
  /** By `performance.now()`. */
  readonly startedAt: number;
  readonly trace?: CallTrace | undefined;
}

/** Counts calls as they end. */
export interface CallMeter {
  /** @param method one of a fixed set: never what a client made up */
  count(face: Face, method: string, code: string, call: TimedCall): void;
  readonly methods: Iterable<MethodCalls>;
}

export function createCallMeter(): CallMeter {
  const faces = { grpc: new Map<string, Series>(), http: new Map<string, Series>() };
  return {
    count(face, method, code, { startedAt, trace }) {
      trace?.settle(code);
      let series = faces[face].get(method);
      if (series === undefined) {
        series = { face, method, seconds: new Histogram(), codes: new Map() };
        faces[face].set(method, series);
      }
      series.seconds.observe((performance.now() - startedAt) / 1000);
      series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    },
    get methods() {
      return [...faces.grpc.values(), ...faces.http.values()];
    },
  };
}

interface Series extends MethodCalls {
  readonly codes: Map<string, number>;
}
