import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

const name = "grpc-message";

/**
 * Connect percent-encodes the sentence of an error in full. gRPC wants visible ASCII left as it is, and some clients
 * leave what they do not expect encoded: a sentence would reach its reader with `%3B` for every semicolon.
 */
export function amendMessage(trailer: Headers): void {
  const encoded = trailer.get(name);
  if (encoded !== null) trailer.set(name, encodedMessage(decodeURIComponent(encoded)));
}

/** What gRPC encodes: all but visible ASCII and spaces, and the percent sign. */
const unsafe = /[^\x20-\x24\x26-\x7e]+/gu;

function encodedMessage(message: string): string {
  return message.replace(unsafe, encodeURIComponent);
}

/** The response with its trailer amended, which is whole once the body has ended. */
export function withAmendedMessage(response: UniversalServerResponse): UniversalServerResponse {
  const { body, trailer } = response;
  if (body === undefined || trailer === undefined) return response;
  return { ...response, body: { [Symbol.asyncIterator]: () => amending(body[Symbol.asyncIterator](), trailer) } };
}

function amending(iterator: AsyncIterator<Uint8Array>, trailer: Headers): AsyncIterator<Uint8Array> {
  return {
    async next() {
      const result = await iterator.next();
      if (result.done === true) amendMessage(trailer);
      return result;
    },
    return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    throw: async (error) => (await iterator.throw?.(error)) ?? { done: true, value: undefined },
  };
}
