import { Code, type ServiceImpl } from "@connectrpc/connect";
import type { ServerReflection, ServerReflectionV1Alpha } from "@kvts/api";
import type { Exchanges } from "../exchanges.ts";
import { untilClosing } from "../until-closing.ts";
import type { Descriptors } from "./descriptors.ts";

/** grpc.reflection.v1.ServerReflection: descriptors for programs that have no proto files. */
export function reflectionService(
  descriptors: Descriptors,
  exchanges: Exchanges,
): ServiceImpl<typeof ServerReflection> {
  return {
    serverReflectionInfo: (requests, { signal }) => answers(untilClosing(requests, exchanges, signal), descriptors),
  };
}

/** The same service under its older name, which some tools ask for first. */
export function reflectionServiceV1Alpha(
  descriptors: Descriptors,
  exchanges: Exchanges,
): ServiceImpl<typeof ServerReflectionV1Alpha> {
  return {
    serverReflectionInfo: (requests, { signal }) => answers(untilClosing(requests, exchanges, signal), descriptors),
  };
}

/** A request of either version. */
interface Request {
  readonly host: string;
  readonly messageRequest: Question;
}

type Question =
  | { case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType" | "listServices"; value: string }
  | { case: "fileContainingExtension"; value: { readonly containingType: string } }
  | { case: undefined; value?: undefined };

interface Response<R> {
  validHost: string;
  originalRequest: R;
  messageResponse: Answer;
}

async function* answers<R extends Request>(
  requests: AsyncIterable<R>,
  descriptors: Descriptors,
): AsyncGenerator<Response<R>> {
  for await (const request of requests) {
    const messageResponse = answerTo(request.messageRequest, descriptors);
    yield { validHost: request.host, originalRequest: request, messageResponse };
  }
}

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

function answerTo({ case: asked, value }: Question, descriptors: Descriptors): Answer {
  switch (asked) {
    case "fileByFilename":
      return fileAnswer(descriptors.fileNamed(value), `no file ${value} is a part of what is served here`);
    case "fileContainingSymbol":
      return fileAnswer(descriptors.fileDeclaring(value), `nothing that is served here is called ${value}`);
    case "fileContainingExtension":
      return refusal(Code.NotFound, `${value.containingType} has no extensions`);
    case "allExtensionNumbersOfType":
      return descriptors.hasMessage(value)
        ? { case: "allExtensionNumbersResponse", value: { baseTypeName: value, extensionNumber: [] } }
        : refusal(Code.NotFound, `no message that is served here is called ${value}`);
    case "listServices":
      return { case: "listServicesResponse", value: { service: descriptors.services.map((name) => ({ name })) } };
    case undefined:
      return refusal(Code.InvalidArgument, "the request asks for nothing; set one of its fields");
  }
}

function fileAnswer(files: Uint8Array[] | undefined, absent: string): Answer {
  if (files === undefined) return refusal(Code.NotFound, absent);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: files } };
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
