import { isIP } from "node:net";
import { KvtsError } from "@kvts/common";

/** What a request says about who sent it, and to whom. */
export interface Caller {
  /** The Host header, or HTTP/2's `:authority`. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/**
 * Keeps web pages in the user's browser from calling the server behind the user's back: a browser names the page in
 * `Origin`, and a page that has its own name resolve to this machine is given away by `Host`.
 */
export interface Guard {
  /** The refusal, or `undefined` where the caller may go on. */
  check(caller: Caller): KvtsError | undefined;
}

/**
 * @param boundHost the address that the server listens on, as it was given
 * @param allowsOrigin whether pages of another address may call
 */
export function createGuard(
  boundHost: string,
  allowedHosts: readonly string[],
  allowsOrigin: (origin: string) => boolean = () => false,
): Guard {
  const allowed = new Set([...namesOf(bare(boundHost)), ...allowedHosts.map(nameOf)]);
  const anyHost = allowed.has("*");
  const anyAddress = isUnspecified(bare(boundHost));
  // A page cannot come from an address unless that address served it, so any address is fine on a server for all.
  const knows = (name: string): boolean => anyHost || allowed.has(name) || (anyAddress && isIP(name) !== 0);
  // Clients repeat themselves: the name that was fine last time needs no second look.
  let lastKnown: string | undefined;
  return {
    check({ host, origin }) {
      if (host !== undefined && host === lastKnown && origin === undefined) return undefined;
      const called = host === undefined ? undefined : parseAuthority(host);
      if (called === undefined || !knows(called.name)) return unknownHost(host);
      lastKnown = host;
      if (origin === undefined || sameOrigin(origin, called.authority) || allowsOrigin(origin)) return undefined;
      return foreignOrigin(origin);
    },
  };
}

interface Authority {
  /** Name or address, without brackets and port. */
  readonly name: string;
  /** Name and port, in one spelling. */
  readonly authority: string;
}

/** Name, or address in brackets, and port. */
const authorityShape = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/** What Node's HTTP/2 client sends for `[::1]:50051`: it leaves the brackets out. */
const withoutBrackets = /^([0-9a-f:.]*:[0-9a-f:.]*):(\d{1,5})$/i;

function parseAuthority(sent: string): Authority | undefined {
  const host = sent.replace(withoutBrackets, "[$1]:$2");
  if (!authorityShape.test(host)) return undefined;
  const url = URL.parse(`http://${host}`);
  return url === null ? undefined : { name: bare(url.hostname), authority: url.host };
}

function sameOrigin(origin: string, authority: string): boolean {
  return URL.parse(origin)?.host === authority;
}

/** The name of a host, written with its port or without. */
function nameOf(host: string): string {
  return parseAuthority(host)?.name ?? bare(host);
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

/** Every way to name the bound address: a loopback address is called localhost too. */
function namesOf(host: string): string[] {
  const loopback = host === "localhost" || host === "::1" || host.startsWith("127.");
  return loopback || isUnspecified(host) ? [host, "localhost", "127.0.0.1", "::1"] : [host];
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}

function unknownHost(host: string | undefined): KvtsError {
  return new KvtsError(
    "PERMISSION_DENIED",
    host === undefined
      ? "the request has no Host header; name the server's address in it"
      : `the server does not go by the name ${shown(host)}; call it by its address, or start it with that name among the allowed hosts`,
  );
}

function foreignOrigin(origin: string): KvtsError {
  return new KvtsError(
    "PERMISSION_DENIED",
    `web pages of ${shown(origin)} may not call this server; call it from a program instead of a browser, or start the server with that origin among the CORS origins`,
  );
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
