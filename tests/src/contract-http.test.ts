import { connectHttp } from "@kvts/client";
import { describe } from "vitest";
import { storeContract } from "./contract.ts";
import { openServed, serverTests } from "./served-store.ts";

storeContract("the HTTP client", {
  open: () => openServed((server) => connectHttp(server.httpUrl)),
  largeValues: true,
  reopens: true,
});

describe("the HTTP client and its server", () => {
  serverTests(
    (server, options) => connectHttp(server.httpUrl, options),
    (server) => connectHttp(server.grpcUrl),
  );
});
