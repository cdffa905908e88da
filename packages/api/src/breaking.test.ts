import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

// The baseline is what clients in the field may have been built from; `pnpm run baseline` renews it at a release.
const root = join(import.meta.dirname, "../../..");
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "kvts-breaking-"));
  cpSync(join(root, "buf.yaml"), join(scratch, "buf.yaml"));
  cpSync(join(root, "packages/api/proto"), join(scratch, "packages/api/proto"), { recursive: true });
});
afterEach(() => rmSync(scratch, { recursive: true }));

function breaking(): { status: number | null; output: string } {
  const baseline = join(root, "packages/api/baseline.binpb");
  const buf = spawnSync(join(root, "node_modules/.bin/buf"), ["breaking", "--against", baseline], {
    cwd: scratch,
    encoding: "utf8",
  });
  return { status: buf.status, output: buf.stdout + buf.stderr };
}

function editKv(from: string, to: string): void {
  const file = join(scratch, "packages/api/proto/kvts/v1/kv.proto");
  const text = readFileSync(file, "utf8");
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

test("the proto files are compatible with the baseline", () => {
  expect(breaking()).toEqual({ status: 0, output: "" });
});

test("a new field is compatible", () => {
  editKv("message GetResponse {", "message GetResponse {\n  // Trial.\n  int64 trial = 1000;");
  expect(breaking()).toEqual({ status: 0, output: "" });
});

test("a renumbered field is found", () => {
  editKv("string request_id = 5;", "string request_id = 1005;");
  const { status, output } = breaking();
  expect(status).not.toBe(0);
  expect(output).toContain("request_id");
});
