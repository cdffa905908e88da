import { connect } from "@kvts/client";
import { describe } from "vitest";
import { storeContract } from "./contract.ts";
import { openServed, serverTests } from "./served-store.ts";

storeContract("the gRPC client", {
  open: () => openServed((server) => connect(server.grpcUrl)),
  largeValues: true,
  reopens: true,
});

// Every call by itself is another way through client and server, and has to come to the same.
storeContract("the gRPC client whose calls travel alone", {
  open: () => openServed((server) => connect(server.grpcUrl, { coalesce: false })),
  coreOnly: true,
});

describe("the gRPC client and its server", () => {
  serverTests(
    (server, options) => connect(server.grpcUrl, options),
    (server) => connect(server.httpUrl),
  );
});
