import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { foreignService, type Plain } from "../testing/foreign.ts";
import { served } from "../testing/harness.ts";

const services = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "kvts.v1.AdminService",
  "kvts.v1.KvService",
];

describe.each(["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"])("%s", (name) => {
  test("answers each question while the stream goes on", async () => {
    const { server } = await served();
    const stream = foreignService(server.grpcUrl, name).stream("ServerReflectionInfo", [
      { host: "here", listServices: "*" },
      { fileContainingSymbol: "kvts.v1.KvService.Put" },
      { fileByFilename: "google/protobuf/struct.proto" },
      { allExtensionNumbersOfType: "kvts.v1.PutRequest" },
    ]);
    const [listed, declaring, named, extensions] = [
      (await stream.next()).value,
      (await stream.next()).value,
      (await stream.next()).value,
      (await stream.next()).value,
    ];
    expect(listed.validHost).toBe("here");
    expect(listed.originalRequest).toMatchObject({ host: "here", listServices: "*" });
    expect(listed.listServicesResponse.service).toEqual(services.map((each) => ({ name: each })));
    const filesOf = (answer: Plain): string[] =>
      (answer.fileDescriptorResponse!.fileDescriptorProto as unknown as Uint8Array[]).map(
        (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
      );
    expect(filesOf(declaring)).toEqual(["kvts/v1/kv.proto", "kvts/v1/types.proto"]);
    expect(filesOf(named)).toEqual(["google/protobuf/struct.proto"]);
    expect(extensions.allExtensionNumbersResponse).toEqual({
      baseTypeName: "kvts.v1.PutRequest",
      extensionNumber: [],
    });
  });

  test.each([
    [{ fileByFilename: "kvts/v1/none.proto" }, 5],
    [{ fileContainingSymbol: "kvts.v1.Nothing" }, 5],
    [{ fileContainingExtension: { containingType: "kvts.v1.PutRequest", extensionNumber: 1000 } }, 5],
    [{ allExtensionNumbersOfType: "kvts.v1.Nothing" }, 5],
    [{}, 3],
  ])("of what there is not it says so: %j", async (request, errorCode) => {
    const { server } = await served();
    const stream = foreignService(server.grpcUrl, name).stream("ServerReflectionInfo", [request]);
    const { errorResponse } = (await stream.next()).value;
    expect(errorResponse.errorCode).toBe(errorCode);
    expect(errorResponse.errorMessage).not.toBe("");
  });

  test("a stream that idles does not hold up the drain", async () => {
    const { server } = await served({ drainTimeoutMs: 10_000 });
    const stream = foreignService(server.grpcUrl, name).stream("ServerReflectionInfo", [{ listServices: "" }]);
    await stream.next();
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(5000);
    expect((await stream.next()).done).toBe(true);
  });
});

/** Runs buf without any proto files. */
async function buf(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const program = join(import.meta.dirname, "../../../../node_modules/.bin/buf");
  const child = spawn(program, ["curl", "--http2-prior-knowledge", ...args], { cwd: "/" });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve) => child.once("close", resolve)),
  ]);
  return { code, out, err };
}

test("buf curl needs no proto files", async () => {
  const { server, store } = await served();
  await store.put("k", "value", { timestamp: 7 });
  const listed = await buf("--list-services", server.grpcUrl);
  expect(listed).toMatchObject({ code: 0, out: `${services.join("\n")}\n` });
  for (const protocol of ["grpc", "connect", "grpcweb"]) {
    const answer = await buf(
      "--protocol",
      protocol,
      "-d",
      JSON.stringify({ key: Buffer.from("k").toString("base64") }),
      `${server.grpcUrl}/kvts.v1.KvService/Get`,
    );
    expect(answer).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(answer.out)).toMatchObject({
      version: { timestamp: "7", value: Buffer.from("value").toString("base64") },
    });
  }
  const status = await buf(`${server.grpcUrl}/kvts.v1.AdminService/GetStatus`);
  expect(JSON.parse(status.out)).toMatchObject({ ready: true });
});
