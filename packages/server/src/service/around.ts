import type { Service } from "./service.ts";

type AnyFunction = (...args: readonly unknown[]) => unknown;
type Around = (run: () => unknown) => unknown;

/**
 * The service, with something done around its calls, but for those in `without`, which cost nothing more.
 * @param around gets the call's name (that of the group, where calls come in groups) and what carries it out
 */
export function aroundCalls(
  service: Service,
  without: ReadonlySet<keyof Service>,
  around: (name: keyof Service, run: () => unknown) => unknown,
): Service {
  const wrapped = Object.entries(service).map(([key, value]) => {
    const name = key as keyof Service;
    return [key, without.has(name) ? value : wrap(value, service, (run) => around(name, run))];
  });
  return Object.fromEntries(wrapped) as Service;
}

function wrap(value: unknown, owner: object, around: Around): unknown {
  if (typeof value === "function") {
    return (...args: readonly unknown[]) => around(() => Reflect.apply(value as AnyFunction, owner, args));
  }
  if (typeof value !== "object" || value === null) return value;
  // The methods of a group may stand in its class.
  return new Proxy(value, {
    get(group, key) {
      const found: unknown = Reflect.get(group, key);
      return typeof found === "function" ? wrap(found, group, around) : found;
    },
  });
}
