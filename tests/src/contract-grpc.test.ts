import { connect } from "@kvts/client";
import { describe } from "vitest";
import { storeContract } from "./contract.ts";
import { openServed, serverTests } from "./served-store.ts";

storeContract("the gRPC client", {
  open: () => openServed((server) => connect(server.grpcUrl)),
  largeValues: true,
  reopens: true,
});

describe("the gRPC client and its server", () => {
  serverTests(
    (server, options) => connect(server.grpcUrl, options),
    (server) => connect(server.httpUrl),
  );
});
