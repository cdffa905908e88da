import { createHash } from "node:crypto";
import { concatBytes, equalBytes, fromBase64Url, invalidArgument, toBase64Url, utf8 } from "@kvts/common";

/** Where the next page goes on. */
export interface PagePosition {
  /** Microseconds of the server's clock when the first page was asked for: what relative times count from. */
  readonly openedAt: number;
  /** The seq that every page is read at. */
  readonly seq: number;
  /** The pin that holds `seq` readable. */
  readonly pin: number;
  /** Where the next page begins, in the listing's own form. */
  readonly resume: Uint8Array;
}

/** A token as it arrived. */
export interface OpenedToken extends PagePosition {
  /** Whether it was made by this incarnation of the store. */
  readonly current: boolean;
}

/** One part of the arguments that a token belongs to. */
export type Argument = Uint8Array | string | number | boolean | undefined;

/*
 * A token is base64url of
 *   version 1 | incarnation 8 | openedAt 8 | seq 8 | pin 8 | resume … | digest 16
 * The digest covers all that comes before and the arguments of the request, so a token that was damaged, made up or
 * sent with other arguments is found out. It keeps no secret: a token asks for nothing that its bearer could not ask for
 * with as_of and at_seq.
 */
const formatVersion = 1;
const headBytes = 33;
const digestBytes = 16;

/** Longest token: what a page must leave room for besides its items. */
export const tokenCharactersMax: number = Math.ceil(((headBytes + 65_535 + digestBytes) * 4) / 3);

export interface TokenFormat {
  seal(position: PagePosition, args: readonly Argument[]): string;
  /** @throws INVALID_ARGUMENT unless the token was made by `seal`, with the same arguments */
  open(token: string, args: readonly Argument[]): OpenedToken;
}

export function tokenFormat(incarnation: string): TokenFormat {
  const incarnationTag = createHash("sha256").update(incarnation).digest().subarray(0, 8);
  return {
    seal(position, args) {
      const head = new Uint8Array(headBytes);
      const view = new DataView(head.buffer);
      head[0] = formatVersion;
      head.set(incarnationTag, 1);
      [position.openedAt, position.seq, position.pin].forEach((value, index) => {
        view.setBigUint64(9 + 8 * index, BigInt(value));
      });
      const body = concatBytes([head, position.resume]);
      return toBase64Url(concatBytes([body, digestOf(body, args)]));
    },
    open(token, args) {
      const bytes = fromBase64Url(token);
      if (bytes === undefined || bytes.length < headBytes + digestBytes || bytes[0] !== formatVersion) throw foreign();
      const body = bytes.subarray(0, bytes.length - digestBytes);
      if (!equalBytes(bytes.subarray(body.length), digestOf(body, args))) throw foreign();
      const view = new DataView(body.buffer, body.byteOffset);
      const [openedAt, seq, pin] = [9, 17, 25].map((offset) => Number(view.getBigUint64(offset))) as [
        number,
        number,
        number,
      ];
      const current = equalBytes(body.subarray(1, 9), incarnationTag);
      return { openedAt, seq, pin, resume: body.subarray(headBytes), current };
    },
  };
}

function foreign(): Error {
  return invalidArgument(
    "the page token does not belong to this request; send it unchanged, with the same arguments as the page before, or leave it out to begin anew",
    { field: "page_token" },
  );
}

function digestOf(body: Uint8Array, args: readonly Argument[]): Uint8Array {
  const hash = createHash("sha256").update(body);
  for (const argument of args) {
    const bytes = argument instanceof Uint8Array ? argument : utf8(String(argument));
    // Kind and length in front keep neighbouring arguments apart.
    hash.update(`${argument instanceof Uint8Array ? "bytes" : typeof argument} ${bytes.length} `).update(bytes);
  }
  return hash.digest().subarray(0, digestBytes);
}
