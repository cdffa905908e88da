import { expect, test } from "vitest";
import { served } from "../../testing/harness.ts";

interface Schema {
  readonly $ref?: string;
  readonly properties?: Record<string, unknown>;
  readonly additionalProperties?: unknown;
}
interface Media {
  readonly content?: Record<string, { readonly schema: Schema }>;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Media;
  readonly responses: Record<string, Media & { readonly description: string }>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, Partial<Record<"get" | "put" | "post" | "delete", Operation>>>;
  readonly components: { readonly schemas: Record<string, Schema> & { readonly Batch: Schema } };
}

async function documentOf(): Promise<Document> {
  const { fetch } = await served();
  const response = await fetch("/openapi.json");
  expect(response.headers.get("content-type")).toBe("application/json");
  return (await response.json()) as Document;
}

test("names every route, and no other", async () => {
  const { openapi, info, paths } = await documentOf();
  expect(openapi).toBe("3.1.0");
  expect(info).toMatchObject({ title: "kvts", version: "0.0.0" });
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(routes.sort()).toEqual([
    "delete /v1/keys/{key}",
    "delete /v1/keys/{key}/versions/{ts}",
    "delete /v1/retention",
    "delete /v1/snapshots/{id}",
    "get /docs",
    "get /healthz",
    "get /metrics",
    "get /openapi.json",
    "get /readyz",
    "get /v1/diff",
    "get /v1/keys",
    "get /v1/keys/{key}",
    "get /v1/keys/{key}/aggregate",
    "get /v1/keys/{key}/versions",
    "get /v1/operations/{id}",
    "get /v1/retention",
    "get /v1/status",
    "get /v1/watch",
    "post /v1/admin/checkpoint",
    "post /v1/admin/compact",
    "post /v1/admin/flush",
    "post /v1/admin/verify",
    "post /v1/batch",
    "post /v1/get",
    "post /v1/ranges:delete",
    "post /v1/ranges:erase",
    "post /v1/ranges:restore",
    "post /v1/snapshots",
    "post /v1/snapshots/{id}",
    "put /v1/keys/{key}",
    "put /v1/retention",
  ]);
});

test("is sound: ids are unique, path parameters declared, references resolved, answers described", async () => {
  const { paths, components } = await documentOf();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, operation })),
  );
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  for (const { path, operation } of operations) {
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(inPath.map(({ name, required }) => [name, required])).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]),
    );
    const success = operation.responses["200"] ?? operation.responses["201"] ?? operation.responses["202"];
    expect(success?.description, path).toBeTruthy();
  }
  const references = [...JSON.stringify(paths).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name!,
  );
  expect(references.length).toBeGreaterThan(10);
  for (const name of references) expect(components.schemas).toHaveProperty(name);
});

test("is made of what requests are checked by", async () => {
  const { paths, components } = await documentOf();
  const query = (paths["/v1/keys"]?.get?.parameters ?? []).filter((parameter) => parameter.in === "query");
  expect(query.map(({ name }) => name)).toEqual([
    "prefix",
    "start",
    "end",
    "at",
    "reverse",
    "includeDeleted",
    "pageSize",
    "pageToken",
    "snapshot",
    "as",
    "keyEncoding",
  ]);
  expect(paths["/v1/batch"]?.post?.requestBody?.content?.["application/json"]?.schema.$ref).toBe(
    "#/components/schemas/Batch",
  );
  expect(components.schemas.Batch).toMatchObject({ additionalProperties: false, properties: { operations: {} } });
  const put = paths["/v1/keys/{key}"]?.put;
  expect(Object.keys(put?.requestBody?.content ?? {})).toEqual(["*/*", "application/json"]);
  expect(Object.keys(put?.responses ?? {})).toEqual([
    "200",
    "400",
    "401",
    "403",
    "412",
    "413",
    "415",
    "422",
    "501",
    "503",
  ]);
});
