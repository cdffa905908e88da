import { isKvtsError, type Logger } from "@kvts/common";
import { aroundCalls } from "../service/around.ts";
import type { Service } from "../service/service.ts";
import type { TokenRecord } from "./token-file.ts";

/** What everybody does all the time. Whatever else there is gets a line, also what is added to the service one day. */
const unaudited: ReadonlySet<keyof Service> = new Set<keyof Service>([
  "get",
  "deletedAt",
  "batchGet",
  "scan",
  "versions",
  "aggregate",
  "diff",
  "watch",
  "put",
  "delete",
  "retract",
  "write",
  "snapshots",
  "status",
  "getOperation",
  "close",
]);

/**
 * The service, which logs who made a call of administration, and what became of it; never a key, a value or a secret.
 * @param bearer whose token it is, where there are tokens
 */
export function auditedService(service: Service, logger: Logger, bearer?: TokenRecord): Service {
  const who = bearer === undefined ? {} : { token: bearer.id, name: bearer.name };
  const tell = (call: keyof Service, code: string): void => logger.info({ audit: call, ...who, code }, "audit");
  return aroundCalls(service, unaudited, (name, run) => {
    const fail = (error: unknown): never => {
      tell(name, isKvtsError(error) ? error.code : "INTERNAL");
      throw error;
    };
    try {
      const result = run();
      if (result instanceof Promise) {
        return result.then((value: unknown) => {
          tell(name, "OK");
          return value;
        }, fail);
      }
      tell(name, "OK");
      return result;
    } catch (error) {
      return fail(error);
    }
  });
}
