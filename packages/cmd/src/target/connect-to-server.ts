import type { ServedStore } from "@kvts/client";
import type { ServerTarget } from "../options/target.ts";
import { detectFace } from "./detect-face.ts";

/** A client of the face that answers at `url`. */
export async function connectToServer({ url, token, tls }: ServerTarget): Promise<ServedStore> {
  const face = await detectFace(url, tls);
  const { connect, connectHttp, tlsFetch } = await import("@kvts/client");
  if (face === "grpc") return connect(url.href, { token, tls });
  return connectHttp(url.href, { token, fetch: tls && tlsFetch(tls) });
}
