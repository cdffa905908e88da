import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ClientTlsOptions } from "@kvts/client";
import { failed, usageError } from "../failure.ts";

/** The two faces of a server, by what they speak: gRPC needs HTTP/2, the JSON routes are served over HTTP/1.1. */
export type Face = "grpc" | "http";

const probeTimeoutMs = 5_000;

/** What an HTTP/2 client says first: its preface, and an empty SETTINGS frame. */
const http2Opening: Buffer = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
/** Where a frame's type stands, and the type with which an HTTP/2 server must answer: SETTINGS. */
const frameTypeOffset = 3;
const settingsFrameType = 4;

/**
 * Asks a server which of its faces answers at `url`. Over http it is greeted in HTTP/2: a SETTINGS frame comes from the
 * gRPC face, and an HTTP/1.1 server answers in its own words. Over https the TLS handshake settles it.
 * @throws CommandError where nothing answers, or nothing that is a web server
 */
export async function detectFace(url: URL, tls: ClientTlsOptions = {}): Promise<Face> {
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  // URLs write IPv6 addresses in brackets, sockets do not.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "https:") return detectByHandshake(url, host, port, tls);
  if (url.protocol === "http:") return detectByGreeting(url, host, port);
  throw usageError(`the address ${url.href} cannot be used; write one such as http://127.0.0.1:50051`);
}

function detectByHandshake(url: URL, host: string, port: number, tls: ClientTlsOptions): Promise<Face> {
  // Addresses are no server names, says TLS.
  const servername = isIP(host) === 0 ? host : "";
  const secure = Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined));
  const socket = connectTls({ ...secure, host, port, servername, ALPNProtocols: ["h2", "http/1.1"] });
  return settle(url, socket, (done) => {
    socket.once("secureConnect", () => done(socket.alpnProtocol === "h2" ? "grpc" : "http"));
  });
}

function detectByGreeting(url: URL, host: string, port: number): Promise<Face> {
  const socket = connectPlain({ host, port });
  return settle(url, socket, (done) => {
    let answer = Buffer.alloc(0);
    socket.once("connect", () => socket.write(http2Opening));
    socket.on("data", (bytes) => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length > frameTypeOffset) done(faceOfAnswer(answer));
    });
  });
}

/** The face by the first bytes of an answer to {@link http2Opening}; `undefined` when it is neither. */
function faceOfAnswer(answer: Uint8Array): Face | undefined {
  if (Buffer.from(answer.subarray(0, 4)).toString("latin1") === "HTTP") return "http";
  return answer[frameTypeOffset] === settingsFrameType ? "grpc" : undefined;
}

/** Runs one probe to its end: an answer, an error, the other side hanging up, or the deadline. */
function settle(url: URL, socket: Socket, listen: (done: (face: Face | undefined) => void) => void): Promise<Face> {
  return new Promise<Face>((resolve, reject) => {
    const end = (finish: () => void): void => {
      socket
        .removeAllListeners()
        .on("error", () => {})
        .destroy();
      finish();
    };
    listen((face) => end(() => (face === undefined ? reject(notAServer(url)) : resolve(face))));
    socket.once("error", (error: NodeJS.ErrnoException) => end(() => reject(unreachable(url, error))));
    socket.once("close", () => end(() => reject(notAServer(url))));
    socket.setTimeout(probeTimeoutMs, () => end(() => reject(silent(url))));
  });
}

function unreachable(url: URL, error: NodeJS.ErrnoException): Error {
  const start = "start a server with `kvts server`, or name another with --url or KVTS_URL";
  if (error.code === "ECONNREFUSED") return failed(`no server answers at ${url.origin}; ${start}`, error);
  if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") {
    return failed(`the host of ${url.origin} is not known; check the address given by --url or KVTS_URL`, error);
  }
  if (/^(?:ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(error.code ?? "")) {
    const remedy = "check whether it is https or http, and name the authority that vouches for it with --ca";
    return failed(`no secure connection to ${url.origin} can be made (${error.code}); ${remedy}`, error);
  }
  return failed(`no server can be reached at ${url.origin} (${error.code ?? error.message}); ${start}`, error);
}

function silent(url: URL): Error {
  const seconds = probeTimeoutMs / 1000;
  return failed(`the server at ${url.origin} did not answer within ${seconds} s; check the address given by --url`);
}

function notAServer(url: URL): Error {
  return failed(`what answers at ${url.origin} is no kvts server; check the address given by --url or KVTS_URL`);
}
