import { type DescFile, type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** The descriptors of services, and of all that they build on. */
export interface Descriptors {
  /** Full names, in order. */
  readonly services: readonly string[];
  /** The file of this name and those that it imports, each encoded, the one asked for first. */
  fileNamed(name: string): Uint8Array[] | undefined;
  /** The same for the file that declares `symbol`. */
  fileDeclaring(symbol: string): Uint8Array[] | undefined;
  hasMessage(typeName: string): boolean;
}

export function createDescriptors(services: readonly DescService[]): Descriptors {
  const files = new Map<string, DescFile>();
  for (const { file } of services) addWithImports(file, files);
  const symbols = new Map<string, DescFile>();
  const messages = new Set<string>();
  for (const file of files.values()) {
    for (const symbol of symbolsOf(file)) symbols.set(symbol, file);
    for (const type of nestedTypes(file)) if (type.kind === "message") messages.add(type.typeName);
  }
  return {
    services: services.map(({ typeName }) => typeName).sort(),
    fileNamed: (name) => encoded(files.get(name)),
    fileDeclaring: (symbol) => encoded(symbols.get(symbol)),
    hasMessage: (typeName) => messages.has(typeName),
  };
}

function addWithImports(file: DescFile, files: Map<string, DescFile>): void {
  const { name } = file.proto;
  if (files.has(name)) return;
  files.set(name, file);
  for (const imported of file.dependencies) addWithImports(imported, files);
}

function encoded(file: DescFile | undefined): Uint8Array[] | undefined {
  if (file === undefined) return undefined;
  const files = new Map<string, DescFile>();
  addWithImports(file, files);
  return [...files.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
}

/** The full names of everything in a file that has one. */
function* symbolsOf(file: DescFile): Generator<string> {
  for (const type of nestedTypes(file)) {
    yield type.typeName;
    switch (type.kind) {
      case "message":
        yield* membersOf(type);
        break;
      case "service":
        for (const { name } of type.methods) yield `${type.typeName}.${name}`;
        break;
      case "enum":
        // Values are named in the scope of their enum, as in C++.
        for (const { name } of type.values) yield type.typeName.replace(/[^.]*$/, name);
        break;
      case "extension":
        break;
    }
  }
}

function* membersOf({ typeName, fields, oneofs }: DescMessage): Generator<string> {
  for (const { name } of fields) yield `${typeName}.${name}`;
  for (const { name } of oneofs) yield `${typeName}.${name}`;
}
