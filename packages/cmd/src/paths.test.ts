import { expect, test } from "vitest";
import { userDirectory } from "./paths.ts";

test("the folder that the user typed in counts only for this package's own start script", () => {
  const start = { INIT_CWD: "/home/ann", npm_package_name: "@kvts/cmd", npm_lifecycle_event: "start" };
  expect(userDirectory(start, "/packages/cmd")).toBe("/home/ann");
  expect(userDirectory({ ...start, npm_lifecycle_event: "test" }, "/here")).toBe("/here");
  expect(userDirectory({ ...start, npm_package_name: "app" }, "/here")).toBe("/here");
  expect(userDirectory({ INIT_CWD: "/home/ann" }, "/here")).toBe("/here");
});
