import { concatBytes } from "@kvts/common";

/** The whole body of an answer; `undefined` as soon as it is known to have more than `bytesMax` bytes. */
export async function readBody(response: Response, bytesMax: number): Promise<Uint8Array | undefined> {
  const announced = announcedBytes(response.headers);
  if (announced !== undefined && announced > bytesMax) {
    await response.body?.cancel();
    return undefined;
  }
  // Where the length is announced, no more than that is taken, and reading it in one go is faster.
  if (announced !== undefined) return new Uint8Array(await response.arrayBuffer());
  return readChunks(response, bytesMax);
}

/** What the answer says its length is; of a compressed one that is not the length of what comes out. */
function announcedBytes(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}

async function readChunks(response: Response, bytesMax: number): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > bytesMax) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  return chunks.length === 1 ? chunks[0]! : concatBytes(chunks);
}
