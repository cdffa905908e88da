import type { Store } from "@kvts/common";
import { detectFace } from "./detect-face.ts";

/** A client of the face that answers at `url`. */
export async function connectToServer(url: URL): Promise<Store> {
  const face = await detectFace(url);
  const { connect, connectHttp } = await import("@kvts/client");
  return face === "grpc" ? connect(url.href) : connectHttp(url.href);
}
