import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { SecureContextOptions } from "node:tls";
import type { GrpcTransportOptions } from "@connectrpc/connect-node";

const MiB = 1024 * 1024;

/** What a stream and all of them together may receive ahead of their readers, so that distance does not slow values. */
const streamWindowBytes = 4 * MiB;
const connectionWindowBytes = 16 * MiB;

/** Streams are refused while a session holds more than this; what is being sent counts, so a few large values must fit. */
const sessionMemoryMegabytes = 1024;

/** How silence of the other side is taken. */
export interface Patience {
  /** A server that was silent for so long is asked for a sign of life along with the next request. */
  readonly silenceMsMax: number;
  /** How long it has for that. */
  readonly pingTimeoutMs: number;
}

export interface ConnectionOptions {
  /** For `https`. */
  readonly secure?: SecureContextOptions;
  readonly patience?: Patience;
  /** Of a stream that stays open between calls: it keeps no process alive by itself, see {@link GrpcConnection.hold}. */
  readonly quietPath?: string;
}

const usualPatience: Patience = { silenceMsMax: 15_000, pingTimeoutMs: 10_000 };

/**
 * The HTTP/2 connection of one client, in the shape that Connect's transport takes. It is opened by the first request,
 * and anew by the next one after it was lost. No request goes out before the other side has shown that it speaks
 * HTTP/2, so a connection that failed to open failed unsent. While no call is under way it keeps no process alive.
 */
export class GrpcConnection implements NonNullable<GrpcTransportOptions["sessionManager"]> {
  readonly authority: string;
  readonly #openingFailure: (cause: unknown) => Error;
  readonly #secure: SecureContextOptions;
  readonly #patience: Patience;
  readonly #quietPath: string | undefined;
  #link: Promise<Link> | undefined;
  /** The link that was opened last. */
  #opened: Link | undefined;
  #holds = 0;

  /** @param openingFailure what requests reject with when no connection comes to be */
  constructor(
    url: string,
    openingFailure: (cause: unknown) => Error,
    { secure = {}, patience = usualPatience, quietPath }: ConnectionOptions = {},
  ) {
    this.#quietPath = quietPath;
    this.authority = new URL(url).origin;
    this.#secure = secure;
    this.#openingFailure = openingFailure;
    this.#patience = patience;
  }

  async request(method: string, path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    const whole = { ...headers, ":method": method, ":path": path };
    for (;;) {
      this.#link ??= this.#open();
      const link = this.#link;
      const stream = (await link).request(whole, path === this.#quietPath);
      if (stream !== undefined) return stream;
      if (this.#link === link) this.#link = undefined;
    }
  }

  /** Calls on the quiet stream are under way, until {@link letGo}. */
  hold(): void {
    if (this.#holds++ === 0) this.#opened?.hold();
  }

  letGo(): void {
    if (--this.#holds === 0) this.#opened?.letGo();
  }

  /** A call goes out on the quiet stream: makes sure that the other side is there. */
  expectAnswer(): void {
    this.#opened?.ping();
  }

  /** The quiet stream has brought an answer. */
  heard(): void {
    this.#opened?.heard();
  }

  notifyResponseByteRead(): void {
    // Signs of life are taken from the session itself.
  }

  /** Ends the connection once no stream uses it. */
  close(): void {
    this.#link?.then(
      (link) => link.session.close(),
      () => {},
    );
  }

  async #open(): Promise<Link> {
    try {
      const link = new Link(await openSession(this.authority, this.#secure), this.#patience);
      this.#opened = link;
      if (this.#holds > 0) link.hold();
      return link;
    } catch (cause) {
      this.#link = undefined;
      throw this.#openingFailure(cause);
    }
  }
}

function openSession(authority: string, secure: SecureContextOptions): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(authority, {
      ...secure,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
      maxSessionMemory: sessionMemoryMegabytes,
    });
    // Stays for good: an error that nobody hears would end the process, and the streams that it ends tell of it.
    session.on("error", reject);
    session.once("close", () => reject(new Error("the other side hung up")));
    // A server of TLS 1.3 refuses a client's certificate once the client thinks that all is well; Node's session then ends
    // without a word, and its socket alone tells.
    session.once("connect", (_session, socket) => socket.once("error", reject));
    session.once("remoteSettings", () => {
      session.setLocalWindowSize(connectionWindowBytes);
      resolve(session);
    });
  });
}

/** One open session, with what is known about the other side's health. */
class Link {
  readonly session: ClientHttp2Session;
  readonly #patience: Patience;
  /** What keeps the process alive: streams that are no quiet ones, and calls on those. */
  #uses = 0;
  #heardAtMs = performance.now();
  #pinging = false;

  constructor(session: ClientHttp2Session, patience: Patience) {
    this.session = session;
    this.#patience = patience;
    session.unref();
  }

  hold(): void {
    if (this.#uses++ === 0) this.session.ref();
  }

  letGo(): void {
    if (--this.#uses === 0) this.session.unref();
  }

  heard(): void {
    this.#heardAtMs = performance.now();
  }

  /** A stream for a request, or `undefined` when the session takes no more. */
  request(headers: OutgoingHttpHeaders, isQuiet: boolean): ClientHttp2Stream | undefined {
    const { session } = this;
    // Closed includes that the other side has said goodbye: then what is under way is finished, and nothing is begun.
    if (session.closed || session.destroyed) return undefined;
    const stream = session.request(headers);
    if (!isQuiet) this.hold();
    stream.once("response", () => this.heard());
    // A server may answer before it has the whole request, to refuse it mostly: what is left of it is not sent then. A
    // stream that nobody reads any more would stay half sent, and keep the connection open for ever.
    stream.once("end", () => {
      if (!stream.writableFinished && !isQuiet) stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.once("close", () => {
      if (!isQuiet) this.letGo();
    });
    this.ping();
    return stream;
  }

  /** Ends a session whose other side is gone without a word, as after a sleep of this machine: its streams fail soon. */
  ping(): void {
    const { silenceMsMax, pingTimeoutMs } = this.#patience;
    if (this.#pinging || performance.now() - this.#heardAtMs < silenceMsMax) return;
    this.#pinging = true;
    const timer = setTimeout(
      () => this.session.destroy(new Error("no sign of life from the other side")),
      pingTimeoutMs,
    );
    timer.unref();
    this.session.ping(() => {
      clearTimeout(timer);
      this.#pinging = false;
      this.heard();
    });
  }
}
